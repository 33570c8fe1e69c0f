-- Which calls do the spans of the relation `facts` tell of? One row a call, the columns of table `calls`. Two spans of one
-- call (another instrumentation around the SDK's own span, the API's own server span) become one row with the best of
-- both. Asked only where alone.sql says that there are some: half of what deriving the calls costs is here. Every step is
-- materialized: planned as one, the query takes five times as long before it reads a row.
-- Which spans tell of the same call: the same response, or a parent and its only child that are both calls.
WITH ids AS MATERIALIZED (
    SELECT trace_id, span_id, parent_span_id, operation, response_id, service_name, service_instance_id, dialect,
        first_hand, apart, request_model, start_time, end_time, output_tokens, error_type IS NULL AS succeeded
    FROM facts
),

children AS MATERIALIZED (
    SELECT trace_id, parent_span_id, count(*) AS n, min(response_id) AS response_id
    FROM ids
    WHERE parent_span_id IS NOT NULL
    GROUP BY trace_id, parent_span_id
),

-- The same call told a second time, without a response id: by the same model, answer, outcome and time. Both end with the
-- answer's last byte, in one process (2 ms apart at most as recorded). Traces differ only where one lost its parent.
candidates AS MATERIALIZED (
    SELECT
        ids.trace_id,
        ids.span_id,
        coalesce(other.response_id, other.trace_id || other.span_id) AS call_key,
        row_number() OVER (
            PARTITION BY ids.trace_id, ids.span_id
            ORDER BY abs(epoch_ns(other.end_time) - epoch_ns(ids.end_time)), other.trace_id, other.span_id
        ) AS place,
        row_number() OVER (
            PARTITION BY other.trace_id, other.span_id
            ORDER BY abs(epoch_ns(other.end_time) - epoch_ns(ids.end_time)), ids.trace_id, ids.span_id
        ) AS others_place
    FROM ids
    INNER JOIN ids AS other
        ON other.request_model = ids.request_model
        AND other.output_tokens IS NOT DISTINCT FROM ids.output_tokens
        AND other.succeeded = ids.succeeded
        AND other.start_time < ids.end_time
        AND other.end_time > ids.start_time
    WHERE ids.apart
        AND other.first_hand
        AND abs(epoch_ns(other.end_time) - epoch_ns(ids.end_time)) < 250000000
        AND (other.trace_id = ids.trace_id OR other.parent_span_id IS NULL OR ids.parent_span_id IS NULL)
        AND other.service_name IS NOT DISTINCT FROM ids.service_name
        AND coalesce(other.service_instance_id = ids.service_instance_id, TRUE)
),

-- Each is told twice at most: where all that a span could belong to have a nearer one, it is a call of its own.
twins AS MATERIALIZED (
    SELECT trace_id, span_id, call_key
    FROM candidates
    WHERE place = 1 AND (
        others_place = 1
        OR (trace_id, span_id) IN (
            SELECT (trace_id, span_id) FROM candidates
            WHERE call_key NOT IN (SELECT call_key FROM candidates WHERE place = 1 AND others_place = 1)
        )
    )
),

-- The Vercel AI SDK 6 makes a span of every attempt: what follows an error under the same parent tries it again.
attempts AS MATERIALIZED (
    SELECT
        trace_id,
        span_id,
        coalesce(
            max(response_id) OVER (PARTITION BY trace_id, parent_span_id, done_before),
            trace_id || parent_span_id || done_before
        ) AS call_key
    FROM (
        SELECT
            *,
            count(*) FILTER (succeeded) OVER (
                PARTITION BY trace_id, parent_span_id
                ORDER BY start_time, span_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ) AS done_before
        FROM ids
        WHERE dialect = 'vercel-6' AND parent_span_id IS NOT NULL
    )
),

linked AS MATERIALIZED (
    SELECT
        ids.trace_id,
        ids.span_id,
        CASE WHEN above.span_id IS NULL OR beside.n > 1 THEN 0 WHEN top.span_id IS NULL THEN 1 ELSE 2 END AS depth,
        coalesce(
            ids.response_id,
            CASE WHEN below.n = 1 THEN below.response_id END,
            CASE WHEN beside.n = 1 THEN above.response_id END,
            CASE WHEN beside.n = 1 THEN coalesce(top.trace_id || top.span_id, above.trace_id || above.span_id) END,
            CASE WHEN below.n IS NULL THEN coalesce(attempts.call_key, twins.call_key) END,
            ids.trace_id || ids.span_id
        ) AS call_key
    FROM ids
    LEFT JOIN children AS below ON below.trace_id = ids.trace_id AND below.parent_span_id = ids.span_id
    LEFT JOIN children AS beside ON beside.trace_id = ids.trace_id AND beside.parent_span_id = ids.parent_span_id
    LEFT JOIN ids AS above
        ON above.trace_id = ids.trace_id AND above.span_id = ids.parent_span_id AND above.operation = ids.operation
    LEFT JOIN ids AS top
        ON top.trace_id = above.trace_id AND top.span_id = above.parent_span_id AND top.operation = above.operation
    LEFT JOIN twins ON twins.trace_id = ids.trace_id AND twins.span_id = ids.span_id
    LEFT JOIN attempts ON attempts.trace_id = ids.trace_id AND attempts.span_id = ids.span_id
    -- A span around several calls is a loop, not a call.
    WHERE coalesce(below.n, 0) < 2 OR ids.response_id IS NOT NULL
),

-- Of one span, as nearly all are, or of several? To aggregate 90 columns costs more than all steps above together.
keyed AS MATERIALIZED (
    SELECT *, count(*) OVER (PARTITION BY call_key) AS n FROM linked
)

SELECT facts.* EXCLUDE (trust, first_hand, apart)
FROM facts
SEMI JOIN (SELECT trace_id, span_id FROM keyed WHERE n = 1) AS alone USING (trace_id, span_id)

UNION ALL BY NAME

SELECT
    arg_min(trace_id, trust) AS trace_id,
    arg_min(span_id, trust) AS span_id,
    nullif(arg_min(coalesce(parent_span_id, ''), depth * 100 + trust), '') AS parent_span_id,
    CASE WHEN count(*) > 1 THEN list(span_id ORDER BY trust, span_id) END AS span_ids,
    arg_min(service_name, trust) AS service_name,
    arg_min(service_version, trust) AS service_version,
    arg_min(scope_name, trust) AS scope_name,
    arg_min(dialect, trust) AS dialect,
    arg_min(operation, trust) AS operation,
    arg_min(start_time, trust) AS start_time,
    arg_min(end_time, trust) AS end_time,
    greatest(epoch_ns(arg_min(end_time, trust)) - epoch_ns(arg_min(start_time, trust)), 0) / 1e9 AS duration_s,
    arg_min(provider, trust) AS provider,
    arg_min(request_model, trust) AS request_model,
    arg_min(response_model, trust) AS response_model,
    arg_min(response_id, trust) AS response_id,
    arg_min(stream, trust) AS stream,
    arg_min(max_tokens, trust) AS max_tokens,
    arg_min(effort, trust) AS effort,
    arg_min(thinking, trust) AS thinking,
    arg_min(tool_count, trust) AS tool_count,
    arg_min(timeout_s, trust) AS timeout_s,
    arg_min(max_retries, trust) AS max_retries,
    arg_min(ttft_s, trust) AS ttft_s,
    arg_min(ttft_definition, trust) AS ttft_definition,
    arg_min(time_to_headers_s, trust) AS time_to_headers_s,
    arg_min(time_to_first_text_s, trust) AS time_to_first_text_s,
    arg_min(tokens_per_second, trust) AS tokens_per_second,
    arg_min(chunk_count, trust) AS chunk_count,
    arg_min(chunk_gap_p95_s, trust) AS chunk_gap_p95_s,
    arg_min(chunk_gap_max_s, trust) AS chunk_gap_max_s,
    arg_min(consumer_s, trust) AS consumer_s,
    arg_min(input_tokens, trust) AS input_tokens,
    arg_min(uncached_input_tokens, trust) AS uncached_input_tokens,
    arg_min(cache_read_tokens, trust) AS cache_read_tokens,
    arg_min(cache_write_tokens, trust) AS cache_write_tokens,
    arg_min(cache_write_5m_tokens, trust) AS cache_write_5m_tokens,
    arg_min(cache_write_1h_tokens, trust) AS cache_write_1h_tokens,
    arg_min(output_tokens, trust) AS output_tokens,
    arg_min(thinking_tokens, trust) AS thinking_tokens,
    arg_min(stop_reason, trust) AS stop_reason,
    -- What the most trusted span calls a success is none for another one's error: an attempt, or the reading of it.
    CASE WHEN arg_min(error_type IS NOT NULL, trust) THEN arg_min(error_type, trust) END AS error_type,
    arg_min(http_status, trust) AS http_status,
    CASE WHEN arg_min(dialect, trust) = 'vercel-6' THEN count(*) FILTER (dialect = 'vercel-6')
         ELSE arg_min(attempts, trust)
    END AS attempts,
    arg_min(attempt_events, trust) AS attempt_events,
    arg_min(retry_wait_s, trust) AS retry_wait_s,
    arg_min(client_id, trust) AS client_id,
    arg_min(client_calls, trust) AS client_calls,
    arg_min(client_construction_s, trust) AS client_construction_s,
    arg_min(connection_new, trust) AS connection_new,
    arg_min(connection_s, trust) AS connection_s,
    arg_min(code_file, trust) AS code_file,
    arg_min(code_line, trust) AS code_line,
    arg_min(code_function, trust) AS code_function,
    arg_min(conversation_id, trust) AS conversation_id,
    arg_min(request_id, trust) AS request_id,
    arg_min(service_tier, trust) AS service_tier,
    arg_min(speed, trust) AS speed,
    arg_min(inference_geo, trust) AS inference_geo,
    arg_min(server_tool_counts, trust) AS server_tool_counts,
    arg_min(output_type, trust) AS output_type,
    arg_min(response_blocks, trust) AS response_blocks,
    arg_min(request_hash, trust) AS request_hash,
    arg_min(settings_hash, trust) AS settings_hash,
    arg_min(depends_on, trust) AS depends_on,
    arg_min(prompt_blocks, trust) AS prompt_blocks,
    arg_min(server_address, trust) AS server_address,
    arg_min(workspace_id, trust) AS workspace_id,
    arg_min(process_id, trust) AS process_id,
    arg_min(service_instance_id, trust) AS service_instance_id,
    arg_min(sampling_probability, trust) AS sampling_probability,
    arg_min(ratelimit_requests_limit, trust) AS ratelimit_requests_limit,
    arg_min(ratelimit_requests_remaining, trust) AS ratelimit_requests_remaining,
    arg_min(ratelimit_requests_reset_s, trust) AS ratelimit_requests_reset_s,
    arg_min(ratelimit_tokens_limit, trust) AS ratelimit_tokens_limit,
    arg_min(ratelimit_tokens_remaining, trust) AS ratelimit_tokens_remaining,
    arg_min(ratelimit_tokens_reset_s, trust) AS ratelimit_tokens_reset_s,
    arg_min(ratelimit_input_tokens_limit, trust) AS ratelimit_input_tokens_limit,
    arg_min(ratelimit_input_tokens_remaining, trust) AS ratelimit_input_tokens_remaining,
    arg_min(ratelimit_input_tokens_reset_s, trust) AS ratelimit_input_tokens_reset_s,
    arg_min(ratelimit_output_tokens_limit, trust) AS ratelimit_output_tokens_limit,
    arg_min(ratelimit_output_tokens_remaining, trust) AS ratelimit_output_tokens_remaining,
    arg_min(ratelimit_output_tokens_reset_s, trust) AS ratelimit_output_tokens_reset_s,
    arg_min(simulated, trust) AS simulated
FROM (
    -- One order of trust without ties, so that the same spans make the same call in whatever order they came.
    SELECT
        facts.* REPLACE (
            row_number() OVER (
                PARTITION BY call_key
                ORDER BY facts.trust, facts.error_type IS NOT NULL, facts.start_time DESC, trace_id, span_id
            ) AS trust,
            CASE WHEN facts.dialect = 'vercel-6' THEN min(facts.start_time) OVER (PARTITION BY call_key)
                 ELSE facts.start_time
            END AS start_time
        ),
        call_key,
        depth
    FROM facts
    INNER JOIN (SELECT * FROM keyed WHERE n > 1) AS several USING (trace_id, span_id)
) AS joined
GROUP BY call_key
