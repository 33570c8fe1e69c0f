-- Which versions of services made calls? service_version, its n and first start, the newest first.
SELECT service_version, count(*) AS n_calls, min(start_time)::TIMESTAMP AS first_start
FROM calls
WHERE operation = 'chat' AND service_version IS NOT NULL AND ($service::VARCHAR IS NULL OR service_name = $service)
GROUP BY service_version
ORDER BY first_start DESC, service_version
LIMIT 100
