-- What else happened in the trace of a call? Its spans in order of start, at most 300: span_id, parent, name, kind,
-- service, start and end (seconds from the first), whether it failed, and the model where it is a call.
WITH spanned AS (
    SELECT
        span_id,
        parent_span_id,
        name,
        kind,
        service_name,
        status_code = 'ERROR' AS failed,
        start_time,
        end_time
    FROM spans
    WHERE trace_id = $trace
), called AS (
    SELECT span_id, coalesce(response_model, request_model) AS model
    FROM calls
    WHERE trace_id = $trace
)
SELECT
    spanned.span_id,
    spanned.parent_span_id,
    spanned.name,
    spanned.kind,
    spanned.service_name,
    (epoch_ns(spanned.start_time) - min(epoch_ns(spanned.start_time)) OVER ()) / 1e9 AS start_s,
    (epoch_ns(spanned.end_time) - min(epoch_ns(spanned.start_time)) OVER ()) / 1e9 AS end_s,
    spanned.failed,
    called.model
FROM spanned
LEFT JOIN called ON spanned.span_id = called.span_id
ORDER BY spanned.start_time, spanned.span_id
LIMIT 300
