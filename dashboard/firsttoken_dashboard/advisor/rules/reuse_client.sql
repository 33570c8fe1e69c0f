-- Which sites call through clients that were just made? Per site: site_id, model (the most used), n, weight, firsts
-- (calls that were the first of their client, beyond one such call for each process), clients, processes, and the
-- seconds that making the client and opening its connection took at those: one row for each measured first call,
-- at most 1,000 (setup_s), construction_p50_s, connection_p50_s, max_tokens, sample traces.
WITH numbered AS (
    SELECT
        *,
        CONCAT_WS('/', service_instance_id, process_id) AS process,
        client_calls = 1 AS first_call,
        ROW_NUMBER() OVER (
            PARTITION BY site_id, service_instance_id, process_id, client_calls = 1
            ORDER BY start_time, span_id
        ) AS nth
    FROM audited
    WHERE client_calls IS NOT NULL AND client_id IS NOT NULL
)
SELECT
    site_id,
    MODE(model) AS model,
    COUNT(*) AS n,
    SUM(weight) AS weight,
    -- A process needs one client: its first call is nobody's fault.
    COUNT(*) FILTER (first_call AND nth > 1) AS firsts,
    COUNT(DISTINCT client_id) AS clients,
    COUNT(DISTINCT process) AS processes,
    COALESCE(
        (ARRAY_AGG(client_construction_s + COALESCE(connection_s, 0) ORDER BY span_id) FILTER (
            first_call AND nth > 1 AND client_construction_s IS NOT NULL
        ))[1:1000],
        []
    ) AS setup_s,
    QUANTILE_CONT(client_construction_s, 0.5) FILTER (first_call AND nth > 1) AS construction_p50_s,
    QUANTILE_CONT(connection_s, 0.5) FILTER (first_call AND nth > 1 AND connection_new) AS connection_p50_s,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(trace_id ORDER BY start_time) FILTER (first_call AND nth > 1))[1:3] AS traces
FROM numbered
GROUP BY site_id
ORDER BY site_id
