-- Which calls does the filter leave by what they cost, the dearest first where $descending? row_id of the $size calls
-- after the first $skip. The one order that needs every call's price.
SELECT row_id
FROM priced_calls
WHERE
    -- is calls_kept.sql
ORDER BY
    CASE WHEN $descending THEN cost_usd END DESC NULLS LAST,
    CASE WHEN NOT $descending THEN cost_usd END ASC NULLS LAST,
    start_time DESC,
    span_id
LIMIT $size OFFSET $skip
