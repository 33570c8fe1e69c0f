-- Where do the calls come from? One row per service and dialect, most calls first: service, dialect, scope, n, first and
-- last start, calls with a time to first token, with tokens, with a source line.
SELECT
    service_name,
    dialect,
    scope_name,
    count(*) AS n_calls,
    min(start_time)::TIMESTAMP AS first_start,
    max(start_time)::TIMESTAMP AS last_start,
    count(ttft_s) AS n_ttft,
    count(output_tokens) AS n_tokens,
    count(code_file) AS n_located
FROM calls
GROUP BY service_name, dialect, scope_name
ORDER BY n_calls DESC, service_name
LIMIT 200
