-- Which stored calls may the calls in `derived` belong to? Those with the same response, or the parent or child among
-- them, or (another instrumentation's second trace) the same answer at the same time without an id. Only calls that
-- began between $since and $until, ten minutes around the batch, are looked at: the cost does not grow with the store.
WITH near AS (
    SELECT
        trace_id, span_id, parent_span_id, span_ids, response_id, request_model, output_tokens, start_time, end_time,
        dialect IN ('firsttoken', 'anthropic-sdk', 'anthropic-sdk-typescript') AS first_hand,
        dialect IN ('traceloop', 'traceloop-js', 'openinference-js', 'logfire') AND response_id IS NULL AS apart
    FROM calls
    WHERE start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
),

found AS (
    SELECT near.* FROM near SEMI JOIN derived ON near.response_id = derived.response_id
    UNION ALL
    SELECT near.* FROM near
    SEMI JOIN derived ON near.trace_id = derived.trace_id AND near.span_id = derived.parent_span_id
    UNION ALL
    SELECT near.* FROM near
    SEMI JOIN derived ON near.trace_id = derived.trace_id AND near.parent_span_id = derived.span_id
    UNION ALL
    SELECT near.* FROM near
    SEMI JOIN (FROM derived WHERE dialect = 'vercel-6') AS derived
        ON near.trace_id = derived.trace_id AND near.parent_span_id = derived.parent_span_id
    UNION ALL
    SELECT near.* FROM near
    SEMI JOIN (
        FROM derived WHERE dialect IN ('firsttoken', 'anthropic-sdk', 'anthropic-sdk-typescript')
    ) AS derived
        ON near.request_model = derived.request_model
        AND near.output_tokens IS NOT DISTINCT FROM derived.output_tokens
        AND near.start_time < derived.end_time
        AND near.end_time > derived.start_time
    WHERE near.apart
    UNION ALL
    SELECT near.* FROM near
    SEMI JOIN (
        FROM derived
        WHERE dialect IN ('traceloop', 'traceloop-js', 'openinference-js', 'logfire') AND response_id IS NULL
    ) AS derived
        ON near.request_model = derived.request_model
        AND near.output_tokens IS NOT DISTINCT FROM derived.output_tokens
        AND near.start_time < derived.end_time
        AND near.end_time > derived.start_time
    WHERE near.first_hand
)

SELECT DISTINCT trace_id, span_id, span_ids, start_time
FROM found
