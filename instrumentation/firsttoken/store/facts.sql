-- Which spans of the relation `derive_from` tell of a model call, and what? One row a span, whatever dialect it is
-- written in: the columns of table `calls`, and how far to trust it (trust, first_hand, apart) where calls.sql finds
-- that several tell of one call.
-- No step is materialized: to lay 100 columns aside costs as much as what is done with them.
-- What is no such number, or none that can be, is NULL: counts are UINTEGER (a negative one and one beyond four billion
-- are not), and seconds lie between 0 and 1e9, which leaves out NaN and infinity.
WITH parsed AS NOT MATERIALIZED (
    SELECT
        *,
        json_transform(attributes, '{
            "gen_ai.operation.name": "VARCHAR", "gen_ai.provider.name": "VARCHAR", "gen_ai.system": "VARCHAR",
            "gen_ai.request.model": "VARCHAR", "gen_ai.response.model": "VARCHAR", "gen_ai.response.id": "VARCHAR",
            "gen_ai.response.finish_reasons": "VARCHAR", "gen_ai.response.finish_reason": "VARCHAR",
            "gen_ai.response.stop_reason": "VARCHAR", "gen_ai.conversation.id": "VARCHAR",
            "gen_ai.output.type": "VARCHAR", "gen_ai.request.max_tokens": "UINTEGER",
            "gen_ai.request.stream": "BOOLEAN", "gen_ai.request.is_stream": "BOOLEAN",
            "gen_ai.is_streaming": "BOOLEAN", "llm.is_streaming": "BOOLEAN",
            "gen_ai.request.reasoning.level": "VARCHAR", "gen_ai.response.time_to_first_chunk": "DOUBLE",
            "gen_ai.client.operation.time_to_first_chunk": "DOUBLE",
            "gen_ai.usage.input_tokens": "UINTEGER", "gen_ai.usage.prompt_tokens": "UINTEGER",
            "gen_ai.usage.output_tokens": "UINTEGER", "gen_ai.usage.completion_tokens": "UINTEGER",
            "gen_ai.usage.cache_read.input_tokens": "UINTEGER", "gen_ai.usage.cache_read_input_tokens": "UINTEGER",
            "gen_ai.usage.cache_write.input_tokens": "UINTEGER", "gen_ai.usage.cache_creation.input_tokens": "UINTEGER",
            "gen_ai.usage.cache_creation_input_tokens": "UINTEGER",
            "gen_ai.usage.reasoning.output_tokens": "UINTEGER", "gen_ai.usage.raw": "VARCHAR",
            "anthropic.usage.cache_creation.ephemeral_5m_input_tokens": "UINTEGER",
            "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": "UINTEGER",
            "anthropic.request.id": "VARCHAR", "anthropic.workspace.id": "VARCHAR",
            "anthropic.response.service_tier": "VARCHAR", "gen_ai.response.service_tier": "VARCHAR",
            "anthropic.message.stop_reason": "VARCHAR", "anthropic.thinking.type": "VARCHAR",
            "anthropic.request.thinking.type": "VARCHAR", "anthropic.message.count_tokens.input_tokens": "UINTEGER",
            "openinference.span.kind": "VARCHAR", "llm.model_name": "VARCHAR",
            "llm.request.model_name": "VARCHAR", "llm.response.model_name": "VARCHAR", "llm.provider": "VARCHAR",
            "llm.system": "VARCHAR", "llm.finish_reason": "VARCHAR", "llm.request.type": "VARCHAR",
            "llm.response.finish_reason": "VARCHAR", "llm.response.stop_reason": "VARCHAR",
            "llm.token_count.prompt": "UINTEGER", "llm.token_count.completion": "UINTEGER",
            "llm.token_count.prompt_details.cache_read": "UINTEGER",
            "llm.token_count.prompt_details.cache_input": "UINTEGER",
            "llm.token_count.prompt_details.cache_write": "UINTEGER",
            "llm.token_count.completion_details.reasoning": "UINTEGER",
            "llm.usage.prompt_tokens": "UINTEGER", "llm.usage.completion_tokens": "UINTEGER",
            "llm.invocation_parameters": "VARCHAR", "session.id": "VARCHAR", "request_data": "VARCHAR",
            "response_data": "VARCHAR", "output.value": "VARCHAR", "logfire.span_type": "VARCHAR", "duration": "DOUBLE",
            "ai.operationId": "VARCHAR", "ai.model.id": "VARCHAR", "ai.model.provider": "VARCHAR",
            "ai.response.id": "VARCHAR", "ai.response.model": "VARCHAR", "ai.response.finishReason": "VARCHAR",
            "ai.response.msToFirstChunk": "DOUBLE", "ai.usage.inputTokens": "UINTEGER", "ai.usage.promptTokens": "UINTEGER",
            "ai.usage.outputTokens": "UINTEGER", "ai.usage.completionTokens": "UINTEGER",
            "ai.usage.reasoningTokens": "UINTEGER", "ai.usage.cachedInputTokens": "UINTEGER",
            "ai.usage.inputTokenDetails.cacheReadTokens": "UINTEGER",
            "ai.usage.inputTokenDetails.cacheWriteTokens": "UINTEGER",
            "ai.usage.outputTokenDetails.reasoningTokens": "UINTEGER", "ai.settings.maxRetries": "UINTEGER",
            "error.type": "VARCHAR", "http.response.status_code": "UINTEGER", "http.request.resend_count": "UINTEGER",
            "server.address": "VARCHAR", "process.pid": "UINTEGER", "sampling.probability": "DOUBLE",
            "code.file.path": "VARCHAR", "code.filepath": "VARCHAR", "code.line.number": "UINTEGER",
            "code.lineno": "UINTEGER", "code.function.name": "VARCHAR", "code.function": "VARCHAR",
            "firsttoken.time_to_headers": "DOUBLE", "firsttoken.time_to_first_text": "DOUBLE",
            "firsttoken.output_tokens_per_second": "DOUBLE", "firsttoken.chunk.count": "UINTEGER",
            "firsttoken.chunk.gap.p95": "DOUBLE", "firsttoken.chunk.gap.max": "DOUBLE",
            "firsttoken.consumer.duration": "DOUBLE", "firsttoken.request.timeout": "DOUBLE",
            "firsttoken.request.max_retries": "UINTEGER", "firsttoken.retry.wait": "DOUBLE",
            "firsttoken.client.id": "VARCHAR", "firsttoken.client.calls": "UINTEGER",
            "firsttoken.client.construction_duration": "DOUBLE", "firsttoken.connection.new": "BOOLEAN",
            "firsttoken.connection.duration": "DOUBLE", "firsttoken.prompt.blocks": ["VARCHAR"],
            "firsttoken.request.hash": "VARCHAR", "firsttoken.settings.hash": "VARCHAR",
            "firsttoken.depends_on": ["VARCHAR"], "firsttoken.request.tool_count": "UINTEGER",
            "firsttoken.response.blocks": ["VARCHAR"], "firsttoken.speed": "VARCHAR",
            "firsttoken.inference_geo": "VARCHAR", "firsttoken.server_tool_counts": "VARCHAR",
            "firsttoken.ratelimit.requests.limit": "UINTEGER", "firsttoken.ratelimit.requests.remaining": "UINTEGER",
            "firsttoken.ratelimit.requests.reset": "DOUBLE", "firsttoken.ratelimit.tokens.limit": "UINTEGER",
            "firsttoken.ratelimit.tokens.remaining": "UINTEGER", "firsttoken.ratelimit.tokens.reset": "DOUBLE",
            "firsttoken.ratelimit.input_tokens.limit": "UINTEGER",
            "firsttoken.ratelimit.input_tokens.remaining": "UINTEGER",
            "firsttoken.ratelimit.input_tokens.reset": "DOUBLE",
            "firsttoken.ratelimit.output_tokens.limit": "UINTEGER",
            "firsttoken.ratelimit.output_tokens.remaining": "UINTEGER",
            "firsttoken.ratelimit.output_tokens.reset": "DOUBLE"
        }') AS a,
        json_transform(resource, '{
            "service.version": "VARCHAR", "service.instance.id": "VARCHAR", "process.pid": "UINTEGER",
            "firsttoken.simulated": "BOOLEAN"
        }') AS r
    FROM derive_from
),

-- Who wrote the span, and which operation it tells of (NULL: no model call).
told AS NOT MATERIALIZED (
    SELECT
        * EXCLUDE (attributes, resource),
        -- Not TRY_CAST: DuckDB 1.4.0 fails at a text that is no JSON and not ASCII.
        CASE WHEN json_valid(a."output.value") THEN a."output.value"::JSON END AS answer,
        coalesce(
            CASE WHEN json_valid(a."gen_ai.usage.raw") THEN a."gen_ai.usage.raw"::JSON END, answer -> '$.usage'
        ) AS raw_usage,
        CASE WHEN json_valid(a."llm.invocation_parameters") THEN a."llm.invocation_parameters"::JSON END AS parameters,
        CASE WHEN json_valid(a."request_data") THEN a."request_data"::JSON END AS request_data,
        CASE
            WHEN scope_name = 'firsttoken' OR a."firsttoken.time_to_headers" IS NOT NULL
                OR a."firsttoken.client.id" IS NOT NULL THEN 'firsttoken'
            WHEN scope_name LIKE 'com.anthropic.sdk.python%' THEN 'anthropic-sdk'
            WHEN scope_name LIKE 'com.anthropic.sdk.typescript%' THEN 'anthropic-sdk-typescript'
            WHEN starts_with(scope_name, 'com.anthropic.') THEN 'anthropic-api'
            WHEN starts_with(scope_name, 'openlit') THEN 'openlit'
            WHEN starts_with(scope_name, '@traceloop/') THEN 'traceloop-js'
            WHEN starts_with(scope_name, '@arizeai/') THEN 'openinference-js'
            WHEN scope_name = 'ai' THEN 'vercel-6'
            WHEN scope_name = 'gen_ai' THEN 'vercel-7'
            WHEN a."openinference.span.kind" IS NOT NULL THEN 'openinference'
            WHEN starts_with(scope_name, 'logfire') THEN 'logfire'
            WHEN contains(scope_name, '.genai.') THEN 'opentelemetry'
            WHEN a."llm.request.type" IS NOT NULL OR starts_with(scope_name, 'opentelemetry.instrumentation.anthropic')
                THEN 'traceloop'
            ELSE 'semconv'
        END AS dialect,
        CASE
            WHEN contains(name, 'count_tokens') THEN 'count_tokens'
            WHEN a."gen_ai.operation.name" = 'message' THEN 'chat'
            -- Of what the API itself exports, the span of the request is the call; those below it are parts of it.
            WHEN starts_with(scope_name, 'com.anthropic.claude-platform') AND kind <> 'SERVER' THEN NULL
            -- Logfire's span of a stream ends when the stream opens; the log after it tells of the call.
            WHEN starts_with(scope_name, 'logfire') AND a."logfire.span_type" = 'span' AND status_code <> 'ERROR'
                AND a."gen_ai.usage.output_tokens" IS NULL AND a."gen_ai.response.id" IS NULL THEN NULL
            WHEN a."gen_ai.operation.name" IN ('chat', 'text_completion', 'generate_content') THEN a."gen_ai.operation.name"
            WHEN a."gen_ai.operation.name" IS NOT NULL THEN NULL
            WHEN a."openinference.span.kind" IS NOT NULL
                THEN CASE a."openinference.span.kind" WHEN 'LLM' THEN 'chat' END
            WHEN a."ai.operationId" IS NOT NULL
                THEN CASE WHEN a."ai.operationId" IN (
                    'ai.generateText.doGenerate', 'ai.streamText.doStream',
                    'ai.generateObject.doGenerate', 'ai.streamObject.doStream'
                ) THEN 'chat' END
            WHEN a."llm.request.type" = 'chat' THEN 'chat'
            WHEN a."llm.request.type" = 'completion' THEN 'text_completion'
            WHEN name = 'anthropic.chat' THEN 'chat'
            -- OpenLIT's span of a call that failed has a name and nothing else.
            WHEN starts_with(scope_name, 'openlit') AND starts_with(name, 'chat ') THEN 'chat'
        END AS operation
    FROM parsed
    -- A fence: the filter on `operation` would be moved below, and the JSON be read twice.
    OFFSET 0
),

-- The same facts under one name, as the dialect states them.
stated AS NOT MATERIALIZED (
    SELECT
        trace_id,
        span_id,
        parent_span_id,
        service_name,
        scope_name,
        dialect,
        operation,
        CASE WHEN dialect = 'logfire' AND a."logfire.span_type" = 'log' AND a."duration" BETWEEN 0 AND 86400
            THEN make_timestamp_ns(epoch_ns(start_time) - (a."duration" * 1e9)::BIGINT) ELSE start_time
        END AS start_time,
        end_time,
        r."service.version" AS service_version,
        CASE dialect
            WHEN 'firsttoken' THEN 0 WHEN 'anthropic-sdk' THEN 1 WHEN 'anthropic-sdk-typescript' THEN 1
            WHEN 'opentelemetry' THEN 2 WHEN 'vercel-7' THEN 3 WHEN 'vercel-6' THEN 4 WHEN 'openinference' THEN 5
            WHEN 'openinference-js' THEN 5 WHEN 'traceloop' THEN 6 WHEN 'logfire' THEN 7 WHEN 'openlit' THEN 8
            WHEN 'traceloop-js' THEN 9 WHEN 'anthropic-api' THEN 10 ELSE 11
        END AS trust,
        dialect IN ('firsttoken', 'anthropic-sdk', 'anthropic-sdk-typescript') AS first_hand,
        coalesce(a."gen_ai.response.id", a."ai.response.id", answer ->> '$.id') AS response_id,
        -- These can leave a second trace for a call, without a response id: the JavaScript ones for a stream, Logfire
        -- with its log of a stream, Traceloop for a call that fails.
        dialect IN ('traceloop', 'traceloop-js', 'openinference-js', 'logfire') AND response_id IS NULL AS apart,
        lower(split_part(coalesce(
            a."gen_ai.provider.name", a."gen_ai.system", a."llm.provider", a."llm.system", a."ai.model.provider"
        ), '.', 1)) AS provider,
        coalesce(
            a."gen_ai.request.model", a."ai.model.id", parameters ->> '$.model', a."llm.request.model_name",
            a."llm.model_name", CASE WHEN dialect = 'openlit' THEN nullif(replace(name, 'chat ', ''), name) END
        ) AS request_model,
        -- Logfire says the request's model of a call that failed.
        CASE WHEN dialect <> 'logfire' OR status_code <> 'ERROR'
            THEN coalesce(a."gen_ai.response.model", a."ai.response.model", a."llm.response.model_name")
        END AS response_model,
        coalesce(
            a."gen_ai.request.stream", a."gen_ai.request.is_stream", a."gen_ai.is_streaming", a."llm.is_streaming",
            TRY_CAST(request_data ->> '$.stream' AS BOOLEAN),
            TRY_CAST(parameters ->> '$.stream' AS BOOLEAN),
            CASE WHEN a."ai.operationId" IS NOT NULL THEN contains(a."ai.operationId", 'stream') END,
            CASE WHEN dialect = 'logfire' THEN a."logfire.span_type" = 'log' END,
            CASE WHEN dialect = 'openinference' AND name LIKE '%messages.%' THEN name LIKE '%.stream' END,
            CASE WHEN dialect = 'openinference-js' AND parameters IS NOT NULL THEN FALSE END,
            CASE WHEN a."gen_ai.client.operation.time_to_first_chunk" IS NOT NULL THEN TRUE END,
            -- The SDK says so only on calls that stream.
            CASE WHEN first_hand AND operation = 'chat' THEN FALSE END
        ) AS stream,
        coalesce(
            a."gen_ai.request.max_tokens", TRY_CAST(parameters ->> '$.max_tokens' AS UINTEGER),
            TRY_CAST(request_data ->> '$.max_tokens' AS UINTEGER)
        ) AS max_tokens,
        a."gen_ai.request.reasoning.level" AS effort,
        coalesce(a."anthropic.thinking.type", a."anthropic.request.thinking.type") AS thinking,
        a."firsttoken.request.tool_count" AS tool_count,
        CASE WHEN a."firsttoken.request.timeout" BETWEEN 0 AND 1e9
            THEN a."firsttoken.request.timeout" END AS timeout_s,
        coalesce(a."firsttoken.request.max_retries", a."ai.settings.maxRetries") AS max_retries,
        coalesce(
            a."gen_ai.response.time_to_first_chunk", a."gen_ai.client.operation.time_to_first_chunk",
            a."ai.response.msToFirstChunk" / 1000
        ) AS stated_ttft_s,
        CASE WHEN a."firsttoken.time_to_headers" BETWEEN 0 AND 1e9
            THEN a."firsttoken.time_to_headers" END AS time_to_headers_s,
        CASE WHEN a."firsttoken.time_to_first_text" BETWEEN 0 AND 1e9
            THEN a."firsttoken.time_to_first_text" END AS time_to_first_text_s,
        CASE WHEN a."firsttoken.output_tokens_per_second" BETWEEN 0 AND 1e9
            THEN a."firsttoken.output_tokens_per_second" END AS tokens_per_second,
        a."firsttoken.chunk.count" AS chunk_count,
        CASE WHEN a."firsttoken.chunk.gap.p95" BETWEEN 0 AND 1e9
            THEN a."firsttoken.chunk.gap.p95" END AS chunk_gap_p95_s,
        CASE WHEN a."firsttoken.chunk.gap.max" BETWEEN 0 AND 1e9
            THEN a."firsttoken.chunk.gap.max" END AS chunk_gap_max_s,
        CASE WHEN a."firsttoken.consumer.duration" BETWEEN 0 AND 1e9
            THEN a."firsttoken.consumer.duration" END AS consumer_s,
        coalesce(
            a."gen_ai.usage.input_tokens", a."gen_ai.usage.prompt_tokens", a."llm.token_count.prompt",
            a."llm.usage.prompt_tokens", a."ai.usage.inputTokens", a."ai.usage.promptTokens",
            a."anthropic.message.count_tokens.input_tokens"
        )::BIGINT AS stated_input,
        coalesce(
            a."gen_ai.usage.cache_read.input_tokens", a."gen_ai.usage.cache_read_input_tokens",
            a."llm.token_count.prompt_details.cache_read", a."llm.token_count.prompt_details.cache_input",
            a."ai.usage.inputTokenDetails.cacheReadTokens", a."ai.usage.cachedInputTokens",
            TRY_CAST(raw_usage ->> '$.cache_read_input_tokens' AS UINTEGER)
        )::BIGINT AS cache_read_tokens,
        coalesce(
            a."gen_ai.usage.cache_write.input_tokens", a."gen_ai.usage.cache_creation.input_tokens",
            a."gen_ai.usage.cache_creation_input_tokens", a."llm.token_count.prompt_details.cache_write",
            a."ai.usage.inputTokenDetails.cacheWriteTokens",
            TRY_CAST(raw_usage ->> '$.cache_creation_input_tokens' AS UINTEGER)
        )::BIGINT AS cache_write_tokens,
        coalesce(
            a."anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
            TRY_CAST(raw_usage ->> '$.cache_creation.ephemeral_5m_input_tokens' AS UINTEGER)
        ) AS cache_write_5m_tokens,
        coalesce(
            a."anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
            TRY_CAST(raw_usage ->> '$.cache_creation.ephemeral_1h_input_tokens' AS UINTEGER)
        ) AS cache_write_1h_tokens,
        coalesce(
            a."gen_ai.usage.output_tokens", a."gen_ai.usage.completion_tokens", a."llm.token_count.completion",
            a."llm.usage.completion_tokens", a."ai.usage.outputTokens", a."ai.usage.completionTokens"
        ) AS output_tokens,
        coalesce(
            a."gen_ai.usage.reasoning.output_tokens", a."llm.token_count.completion_details.reasoning",
            a."ai.usage.outputTokenDetails.reasoningTokens", a."ai.usage.reasoningTokens"
        ) AS thinking_tokens,
        coalesce(
            a."anthropic.message.stop_reason",
            nullif(regexp_extract(coalesce(
                a."llm.finish_reason", a."gen_ai.response.stop_reason", a."gen_ai.response.finish_reasons",
                a."gen_ai.response.finish_reason", a."ai.response.finishReason", a."llm.response.finish_reason",
                a."llm.response.stop_reason"
            ), '[A-Za-z_-]+'), '')
        ) AS stated_stop,
        CASE WHEN status_code = 'ERROR' OR a."error.type" IS NOT NULL THEN coalesce(
            CASE WHEN a."error.type" NOT LIKE '%Error' THEN a."error.type" END,
            nullif(regexp_extract(status_message, '[a-z_]+_error'), ''),
            a."error.type",
            nullif(regexp_extract(events, '"exception\.type":"(?:\w+\.)*(\w+)"', 1), ''),
            nullif(regexp_extract(status_message, '[A-Z][A-Za-z]+(?:Error|Exception)'), ''),
            'unknown'
        ) END AS stated_error,
        coalesce(
            a."http.response.status_code",
            CASE WHEN status_code = 'ERROR'
                THEN TRY_CAST(regexp_extract(status_message, '\b[45][0-9][0-9]\b') AS UINTEGER) END
        ) AS http_status,
        CASE WHEN first_hand OR dialect = 'vercel-6' THEN coalesce(a."http.request.resend_count", 0)
             ELSE a."http.request.resend_count" END + 1 AS attempts,
        CASE WHEN contains(events, '"firsttoken.attempt"') THEN to_json(list_filter(
            from_json(events, '["JSON"]'), lambda event: event ->> '$.name' = 'firsttoken.attempt'
        )) END AS attempt_events,
        CASE WHEN a."firsttoken.retry.wait" BETWEEN 0 AND 1e9
            THEN a."firsttoken.retry.wait" END AS retry_wait_s,
        a."firsttoken.client.id" AS client_id,
        a."firsttoken.client.calls" AS client_calls,
        CASE WHEN a."firsttoken.client.construction_duration" BETWEEN 0 AND 1e9
            THEN a."firsttoken.client.construction_duration" END AS client_construction_s,
        a."firsttoken.connection.new" AS connection_new,
        CASE WHEN a."firsttoken.connection.duration" BETWEEN 0 AND 1e9
            THEN a."firsttoken.connection.duration" END AS connection_s,
        coalesce(a."code.file.path", a."code.filepath") AS code_file,
        coalesce(a."code.line.number", a."code.lineno") AS code_line,
        coalesce(a."code.function.name", a."code.function") AS code_function,
        coalesce(a."gen_ai.conversation.id", a."session.id") AS conversation_id,
        a."anthropic.request.id" AS request_id,
        coalesce(
            a."anthropic.response.service_tier", a."gen_ai.response.service_tier", raw_usage ->> '$.service_tier'
        ) AS service_tier,
        a."firsttoken.speed" AS speed,
        coalesce(a."firsttoken.inference_geo", raw_usage ->> '$.inference_geo') AS inference_geo,
        CASE WHEN json_valid(a."firsttoken.server_tool_counts")
            THEN a."firsttoken.server_tool_counts"::JSON END AS server_tool_counts,
        a."gen_ai.output.type" AS output_type,
        a."firsttoken.response.blocks" AS response_blocks,
        a."firsttoken.request.hash" AS request_hash,
        a."firsttoken.settings.hash" AS settings_hash,
        a."firsttoken.depends_on" AS depends_on,
        a."firsttoken.prompt.blocks" AS prompt_blocks,
        a."server.address" AS server_address,
        a."anthropic.workspace.id" AS workspace_id,
        coalesce(a."process.pid", r."process.pid") AS process_id,
        r."service.instance.id" AS service_instance_id,
        CASE WHEN a."sampling.probability" BETWEEN 0 AND 1
            THEN a."sampling.probability" END AS sampling_probability,
        a."firsttoken.ratelimit.requests.limit" AS ratelimit_requests_limit,
        a."firsttoken.ratelimit.requests.remaining" AS ratelimit_requests_remaining,
        CASE WHEN a."firsttoken.ratelimit.requests.reset" BETWEEN 0 AND 1e9
            THEN a."firsttoken.ratelimit.requests.reset" END AS ratelimit_requests_reset_s,
        a."firsttoken.ratelimit.tokens.limit" AS ratelimit_tokens_limit,
        a."firsttoken.ratelimit.tokens.remaining" AS ratelimit_tokens_remaining,
        CASE WHEN a."firsttoken.ratelimit.tokens.reset" BETWEEN 0 AND 1e9
            THEN a."firsttoken.ratelimit.tokens.reset" END AS ratelimit_tokens_reset_s,
        a."firsttoken.ratelimit.input_tokens.limit" AS ratelimit_input_tokens_limit,
        a."firsttoken.ratelimit.input_tokens.remaining" AS ratelimit_input_tokens_remaining,
        CASE WHEN a."firsttoken.ratelimit.input_tokens.reset" BETWEEN 0 AND 1e9
            THEN a."firsttoken.ratelimit.input_tokens.reset" END AS ratelimit_input_tokens_reset_s,
        a."firsttoken.ratelimit.output_tokens.limit" AS ratelimit_output_tokens_limit,
        a."firsttoken.ratelimit.output_tokens.remaining" AS ratelimit_output_tokens_remaining,
        CASE WHEN a."firsttoken.ratelimit.output_tokens.reset" BETWEEN 0 AND 1e9
            THEN a."firsttoken.ratelimit.output_tokens.reset" END AS ratelimit_output_tokens_reset_s,
        r."firsttoken.simulated" AS simulated
    FROM told
    WHERE operation IS NOT NULL
)

-- The same facts in one meaning: input is all input, the stop reason is the API's word, an error the API's type.
SELECT
    * EXCLUDE (stated_ttft_s, stated_input, stated_stop, stated_error),
    greatest(epoch_ns(end_time) - epoch_ns(start_time), 0) / 1e9 AS duration_s,
    CASE WHEN dialect IN ('openlit', 'traceloop-js')
            OR stated_input < coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)
        THEN stated_input + coalesce(cache_read_tokens, 0) + coalesce(cache_write_tokens, 0)
        ELSE stated_input
    END AS input_tokens,
    -- Without a word on the cache nobody knows, unless the dialect leaves out only what is 0.
    CASE WHEN first_hand OR dialect = 'opentelemetry' OR cache_read_tokens IS NOT NULL
            OR cache_write_tokens IS NOT NULL
        THEN input_tokens - coalesce(cache_read_tokens, 0) - coalesce(cache_write_tokens, 0)
    END AS uncached_input_tokens,
    CASE WHEN stream IS NOT FALSE AND dialect <> 'openlit' AND stated_ttft_s BETWEEN 0 AND 1e9
        THEN stated_ttft_s END AS ttft_s,
    CASE WHEN ttft_s IS NULL THEN NULL
         WHEN first_hand OR dialect = 'vercel-7' THEN 'first_delta'
         WHEN dialect IN ('opentelemetry', 'vercel-6') THEN 'first_event'
         ELSE 'unknown'
    END AS ttft_definition,
    CASE stated_stop
        WHEN 'stop' THEN 'end_turn' WHEN 'length' THEN 'max_tokens' WHEN 'tool_calls' THEN 'tool_use'
        WHEN 'tool_call' THEN 'tool_use' WHEN 'tool-calls' THEN 'tool_use' ELSE stated_stop
    END AS stop_reason,
    CASE regexp_extract(stated_error, '[^.]*$')
        WHEN 'OverloadedError' THEN 'overloaded_error' WHEN 'RateLimitError' THEN 'rate_limit_error'
        WHEN 'InternalServerError' THEN 'api_error' WHEN 'NotFoundError' THEN 'not_found_error'
        WHEN 'BadRequestError' THEN 'invalid_request_error' WHEN 'AuthenticationError' THEN 'authentication_error'
        WHEN 'PermissionDeniedError' THEN 'permission_error'
        WHEN 'RequestTooLargeError' THEN 'request_too_large'
        ELSE CASE
            -- Some say only that there was an error, and the status.
            WHEN stated_error IN ('AI_APICallError', 'APIStatusError', 'Error', 'unknown') THEN CASE http_status
                WHEN 400 THEN 'invalid_request_error' WHEN 401 THEN 'authentication_error'
                WHEN 403 THEN 'permission_error' WHEN 404 THEN 'not_found_error' WHEN 413 THEN 'request_too_large'
                WHEN 429 THEN 'rate_limit_error' WHEN 500 THEN 'api_error' WHEN 529 THEN 'overloaded_error'
                ELSE stated_error
            END
            ELSE regexp_extract(stated_error, '[^.]*$')
        END
    END AS error_type
FROM stated
