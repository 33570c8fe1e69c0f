-- Which sites open a new connection because the old one was dropped while idle? Per site: site_id, model, n (calls of
-- a client that had made one before), weight of all the site's calls, reopened (those that opened a connection 5 to
-- 300 s after the client's last call had ended), and of these connection seconds (at most 1,000), idle seconds at the
-- median and the 95th percentile, max_tokens, sample traces.
WITH followed AS (
    SELECT
        *,
        MAX(end_time) OVER (
            PARTITION BY service_instance_id, process_id, client_id
            ORDER BY start_time, span_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_end
    FROM audited
    WHERE client_id IS NOT NULL
),
idle AS (
    SELECT *, EPOCH(start_time::TIMESTAMP - last_end::TIMESTAMP) AS idle_s
    FROM followed
),
judged AS (
    SELECT *, COALESCE(connection_new AND idle_s BETWEEN 5 AND 300, FALSE) AS reopened
    FROM idle
)
SELECT
    site_id,
    MODE(model) AS model,
    COUNT(*) FILTER (last_end IS NOT NULL AND connection_new IS NOT NULL) AS n,
    SUM(weight) AS weight,
    COUNT(*) FILTER (reopened) AS reopened,
    COALESCE(
        (ARRAY_AGG(connection_s ORDER BY span_id) FILTER (reopened AND connection_s IS NOT NULL))[1:1000], []
    ) AS connection_s,
    QUANTILE_CONT(idle_s, 0.5) FILTER (reopened) AS idle_p50_s,
    QUANTILE_CONT(idle_s, 0.95) FILTER (reopened) AS idle_p95_s,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(trace_id ORDER BY start_time) FILTER (reopened))[1:3] AS traces
FROM judged
GROUP BY site_id
HAVING COUNT(*) FILTER (reopened) > 0
ORDER BY site_id
