-- Which spans of the temporary table `derive_from` must not go into `spans`: those that are stored already, and all but
-- the first where one came twice? Their row ids. Only stored spans between $since and $until, the batch's own start
-- times, are compared: the cost does not grow with the store.
SELECT derive_from.rowid AS place
FROM derive_from
SEMI JOIN (
    SELECT trace_id, span_id
    FROM spans
    WHERE start_time BETWEEN $since::TIMESTAMP_NS AND $until::TIMESTAMP_NS
) AS stored USING (trace_id, span_id)

UNION ALL

SELECT derive_from.rowid AS place
FROM derive_from
ANTI JOIN (
    SELECT min(rowid) AS place
    FROM derive_from
    GROUP BY trace_id, span_id
) AS first_of_each ON first_of_each.place = derive_from.rowid
