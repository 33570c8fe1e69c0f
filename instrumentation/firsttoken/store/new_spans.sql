-- Which spans of `incoming` are not stored yet? Each once. Only stored spans between $since and $until, the batch's own
-- start times, are compared: five milliseconds per thousand spans however large the store is.
SELECT DISTINCT ON (trace_id, span_id) incoming.*
FROM incoming
ANTI JOIN (
    SELECT trace_id, span_id
    FROM spans
    WHERE start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
) AS stored USING (trace_id, span_id)
