-- Which sites open a new connection because the old one was dropped while idle? Of the latest $most calls, since gaps are
-- between neighbours, per site: site_id, model, n (calls of a client that had made one before), weight of all the
-- site's calls, reopened (those that opened a connection 5 to 300 s after the client's last call had ended), and of
-- these connection seconds (at most 1,000), idle seconds at the median and the 95th percentile, max_tokens, sample traces.
WITH latest AS (
    SELECT call_row, site_id, model, client_key, start_time, end_time, connection_new
    FROM every_call
    WHERE client_key IS NOT NULL
    ORDER BY start_time DESC
    LIMIT $most
),
followed AS (
    SELECT
        *,
        MAX(end_time) OVER (
            PARTITION BY client_key
            ORDER BY start_time, call_row
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS last_end
    FROM latest
),
judged AS (
    SELECT
        *,
        EPOCH(start_time::TIMESTAMP - last_end::TIMESTAMP) AS idle_s,
        COALESCE(connection_new AND idle_s BETWEEN 5 AND 300, FALSE) AS reopened
    FROM followed
),
counted AS (
    SELECT
        site_id,
        MODE(model) AS model,
        COUNT(*) FILTER (last_end IS NOT NULL AND connection_new IS NOT NULL) AS n,
        COUNT(*) FILTER (reopened) AS reopened
    FROM judged
    GROUP BY site_id
    HAVING COUNT(*) FILTER (reopened) > 0
),
opened AS (
    SELECT
        judged.site_id,
        COALESCE(
            (ARRAY_AGG(calls.connection_s ORDER BY calls.span_id) FILTER (calls.connection_s IS NOT NULL))[1:1000], []
        ) AS connection_s,
        QUANTILE_CONT(judged.idle_s, 0.5) AS idle_p50_s,
        QUANTILE_CONT(judged.idle_s, 0.95) AS idle_p95_s,
        MODE(calls.max_tokens) AS max_tokens,
        ARG_MIN(calls.trace_id, judged.start_time, 3) AS traces
    FROM judged
    INNER JOIN calls ON judged.call_row = calls.rowid
    WHERE judged.reopened
    GROUP BY judged.site_id
),
weights AS (
    SELECT site_id, SUM(weight) AS weight
    FROM every_call
    WHERE client_key IS NOT NULL AND site_id IN (SELECT site_id FROM counted)
    GROUP BY site_id
)
SELECT
    counted.site_id,
    counted.model,
    counted.n,
    weights.weight,
    counted.reopened,
    opened.connection_s,
    opened.idle_p50_s,
    opened.idle_p95_s,
    opened.max_tokens,
    opened.traces
FROM counted
INNER JOIN opened ON counted.site_id = opened.site_id
INNER JOIN weights ON counted.site_id = weights.site_id
ORDER BY counted.site_id
