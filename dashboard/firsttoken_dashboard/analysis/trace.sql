-- What else happened in the trace of a call? Its spans from a day before $around to a day after (all of a file would have to
-- be read for more), and its calls whose spans are not stored, in order of start, at most 300: span_id, parent, name, kind,
-- service, start and end (seconds from the first), whether it failed, and the model where it is a call.
WITH called AS (
    SELECT
        span_id,
        parent_span_id,
        service_name,
        error_type IS NOT NULL AS failed,
        start_time,
        end_time,
        coalesce(response_model, request_model) AS model
    FROM calls
    WHERE
        trace_id = $trace
        AND start_time >= $around::TIMESTAMP_NS - INTERVAL 1 DAY
        AND start_time < $around::TIMESTAMP_NS + INTERVAL 1 DAY
), stored AS (
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
    WHERE
        trace_id = $trace
        AND start_time >= $around::TIMESTAMP_NS - INTERVAL 1 DAY
        AND start_time < $around::TIMESTAMP_NS + INTERVAL 1 DAY
), spanned AS (
    SELECT *
    FROM stored
    UNION ALL
    SELECT
        span_id,
        parent_span_id,
        concat_ws(' ', 'chat', model) AS name,
        'CLIENT' AS kind,
        service_name,
        failed,
        start_time,
        end_time
    FROM called
    WHERE span_id NOT IN (SELECT span_id FROM stored)
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
