-- Which calls does the filter leave, the newest first? row_id of the $size calls after the first $skip. Apart from
-- calls_ordered.sql because a plain order lets DuckDB look at the newest rows only: a twentieth of the time.
SELECT rowid AS row_id
FROM calls
WHERE
    -- is calls_kept.sql
ORDER BY start_time DESC, span_id
LIMIT $size OFFSET $skip
