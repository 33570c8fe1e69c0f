-- How did each site's calls go over time? One row per $grain, service, file and line: start, the site, n, duration p50.
SELECT
    date_trunc($grain, start_time)::TIMESTAMP AS moment,
    service_name,
    code_file,
    code_line,
    code_function,
    count(*) AS n_calls,
    quantile_cont(duration_s, 0.5) AS duration_p50_s
FROM calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY moment, service_name, code_file, code_line, code_function
ORDER BY moment
