-- Which stored spans made the calls in `touched`? Only spans that began between $since and $until are looked at.
-- `span_ids` does not tell the trace, and a part of a call may lie in another one: it is one that has no call of its own.
WITH parts AS (
    SELECT trace_id, unnest(coalesce(span_ids, [span_id])) AS span_id, span_ids IS NOT NULL AS joined
    FROM touched
)

SELECT spans.*
FROM spans
SEMI JOIN parts USING (trace_id, span_id)
WHERE start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
UNION ALL
SELECT spans.*
FROM spans
SEMI JOIN (SELECT span_id FROM parts WHERE joined) AS joined USING (span_id)
ANTI JOIN parts USING (trace_id, span_id)
ANTI JOIN derive_from USING (trace_id, span_id)
ANTI JOIN calls ON calls.trace_id = spans.trace_id AND calls.span_id = spans.span_id
WHERE spans.start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
