-- What does the store hold at all? n_calls, first and last start, how many calls are simulated, whether any is sampled.
-- Question by question: DuckDB answers each of them from its statistics of a column, without looking at a row.
SELECT
    (SELECT count(*) FROM calls WHERE operation = 'chat') AS n_calls,
    (SELECT min(start_time) FROM calls WHERE operation = 'chat')::TIMESTAMP AS first_start,
    (SELECT max(start_time) FROM calls WHERE operation = 'chat')::TIMESTAMP AS last_start,
    (SELECT count(*) FROM calls WHERE operation = 'chat' AND simulated) AS n_simulated,
    EXISTS (SELECT 1 FROM calls WHERE operation = 'chat' AND sampling_probability < 1) AS sampled
