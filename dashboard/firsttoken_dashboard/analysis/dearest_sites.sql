-- Which lines of the application spend most? code_file, code_line, the dearest first.
SELECT code_file, code_line
FROM priced_calls
WHERE
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND code_file IS NOT NULL
GROUP BY code_file, code_line
ORDER BY sum(cost_usd) DESC NULLS LAST, count(*) DESC, code_file, code_line
LIMIT 200
