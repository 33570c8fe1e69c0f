-- Which stored calls may the calls in `derived` belong to? Those with the same response, or the parent or child among
-- them, or (JavaScript, two traces) the same answer at the same time without an id. Only calls that began between
-- $since and $until, an hour around the batch, are looked at: the cost does not grow with the store.
WITH near AS (
    SELECT trace_id, span_id, parent_span_id, span_ids, response_id, dialect, output_tokens, start_time, end_time
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
    SEMI JOIN derived
        ON near.output_tokens = derived.output_tokens
        AND near.start_time < derived.end_time
        AND near.end_time > derived.start_time
        AND (
            (near.dialect IN ('traceloop-js', 'openinference-js') AND derived.dialect = 'anthropic-sdk-typescript')
            OR (derived.dialect IN ('traceloop-js', 'openinference-js') AND near.dialect = 'anthropic-sdk-typescript')
        )
)

SELECT DISTINCT trace_id, span_id, span_ids, start_time
FROM found
