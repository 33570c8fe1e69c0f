-- Which stored calls may the calls in `derived` belong to? Those with the same response, or the parent or child among
-- them, or (another instrumentation's second trace) the same answer at the same time without an id.
-- Spans of one call overlap: only calls that began before $until and ended after $ended, the time of the calls in
-- `derived` and a little more, are looked at. That holds within one process, and between clocks that agree. The API's
-- own server spans have another clock, and two attempts do not overlap: these are looked for between $since and $until.
-- So the cost grows neither with the store nor with what came in the last minutes.
WITH near AS (
    SELECT
        rowid AS place,
        trace_id, span_id, parent_span_id, response_id, request_model, output_tokens, start_time, end_time, dialect
    FROM calls
    WHERE start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
        AND end_time >= $ended::TIMESTAMP_NS
),

same_answer AS (
    SELECT * FROM derived WHERE dialect IN ('firsttoken', 'anthropic-sdk', 'anthropic-sdk-typescript')
),

apart AS (
    SELECT * FROM derived
    WHERE dialect IN ('traceloop', 'traceloop-js', 'openinference-js', 'logfire') AND response_id IS NULL
),

found AS (
    SELECT place FROM near SEMI JOIN derived ON near.response_id = derived.response_id
    UNION ALL
    SELECT place FROM near
    SEMI JOIN derived ON near.trace_id = derived.trace_id AND near.span_id = derived.parent_span_id
    UNION ALL
    SELECT place FROM near
    SEMI JOIN derived ON near.trace_id = derived.trace_id AND near.parent_span_id = derived.span_id
    UNION ALL
    SELECT place FROM near
    SEMI JOIN same_answer AS derived
        ON near.request_model = derived.request_model
        AND near.output_tokens IS NOT DISTINCT FROM derived.output_tokens
        AND near.start_time < derived.end_time
        AND near.end_time > derived.start_time
    WHERE near.dialect IN ('traceloop', 'traceloop-js', 'openinference-js', 'logfire') AND near.response_id IS NULL
    UNION ALL
    SELECT place FROM near
    SEMI JOIN apart AS derived
        ON near.request_model = derived.request_model
        AND near.output_tokens IS NOT DISTINCT FROM derived.output_tokens
        AND near.start_time < derived.end_time
        AND near.end_time > derived.start_time
    WHERE near.dialect IN ('firsttoken', 'anthropic-sdk', 'anthropic-sdk-typescript')
    UNION ALL
    SELECT calls.rowid FROM calls
    SEMI JOIN (FROM derived WHERE dialect = 'anthropic-api') AS derived ON calls.response_id = derived.response_id
    WHERE calls.start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
    UNION ALL
    SELECT calls.rowid FROM calls
    SEMI JOIN derived ON calls.response_id = derived.response_id
    WHERE calls.start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS AND calls.dialect = 'anthropic-api'
    UNION ALL
    SELECT calls.rowid FROM calls
    SEMI JOIN (FROM derived WHERE dialect = 'vercel-6') AS derived
        ON calls.trace_id = derived.trace_id AND calls.parent_span_id = derived.parent_span_id
    WHERE calls.start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
)

SELECT DISTINCT trace_id, span_id, span_ids, start_time
FROM calls
SEMI JOIN found ON found.place = calls.rowid
