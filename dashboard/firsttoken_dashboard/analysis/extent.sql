-- What does the store hold at all? n_calls, first and last start, last end, whether any call is simulated or sampled.
SELECT
    count(*) AS n_calls,
    min(start_time)::TIMESTAMP AS first_start,
    max(start_time)::TIMESTAMP AS last_start,
    coalesce(bool_or(simulated), FALSE) AS simulated,
    coalesce(bool_or(sampling_probability < 1), FALSE) AS sampled
FROM calls
WHERE operation = 'chat'
