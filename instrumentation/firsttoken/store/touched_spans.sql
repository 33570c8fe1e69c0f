-- Which stored spans made the calls in `touched`? Only spans that began between $since and $until are looked at.
SELECT spans.*
FROM spans
SEMI JOIN (
    SELECT trace_id, unnest(coalesce(span_ids, [span_id])) AS span_id
    FROM touched
) AS parts USING (trace_id, span_id)
WHERE start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
