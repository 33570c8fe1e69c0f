-- What does the store hold at all? n_calls, first and last start, how many calls are simulated, whether any is sampled.
SELECT
    count(*) AS n_calls,
    min(start_time)::TIMESTAMP AS first_start,
    max(start_time)::TIMESTAMP AS last_start,
    count(CASE WHEN simulated THEN 1 END) AS n_simulated,
    coalesce(bool_or(sampling_probability < 1), FALSE) AS sampled
FROM calls
WHERE operation = 'chat'
