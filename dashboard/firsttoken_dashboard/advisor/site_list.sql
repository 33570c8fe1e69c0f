-- Which sites made the calls of `located`? site_id, service, file, line, function, parent, prompt, and whether the
-- function also streams (its answers are then read as they come).
WITH listed AS (
    SELECT site_id, service, file, line, function, parent, prompt, BOOL_OR(streams) AS streams
    FROM places
    GROUP BY ALL
)
SELECT
    site_id,
    service,
    file,
    line,
    function,
    parent,
    prompt,
    COALESCE(
        BOOL_OR(streams) OVER (PARTITION BY service, file, function) AND (file IS NOT NULL OR streams), FALSE
    ) AS streams
FROM listed
ORDER BY service, file, line, site_id
