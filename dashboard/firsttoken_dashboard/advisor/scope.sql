-- What does the window hold? n_calls, first start, last start, weight (the calls that they stand for), whether traces
-- are sampled, whether any call was simulated (the demo marks what it makes).
SELECT
    COUNT(*) AS n_calls,
    MIN(start_time)::TIMESTAMP AS first_start,
    MAX(start_time)::TIMESTAMP AS last_start,
    COALESCE(SUM(weight), 0) AS weight,
    COALESCE(BOOL_OR(weight > 1), FALSE) AS sampled,
    EXISTS (SELECT 1 FROM audited WHERE simulated) AS simulated
FROM located
