-- How do the calls of some sites ($sites: their ids) stand? One row: n, ttft_p50_s, ttft_p95_s, duration_p95_s,
-- tokens_per_second_p50, cache_hit_rate (read tokens of all input), error_rate, usd_per_call (of those that have a
-- price), usd_in_all, unpriced (calls without a price). NULL: nothing was measured.
SELECT
    COUNT(*) AS n,
    QUANTILE_CONT(priced.ttft_s, 0.5) AS ttft_p50_s,
    QUANTILE_CONT(priced.ttft_s, 0.95) AS ttft_p95_s,
    QUANTILE_CONT(priced.duration_s, 0.95) FILTER (priced.error_type IS NULL) AS duration_p95_s,
    QUANTILE_CONT(priced.tokens_per_second, 0.5) AS tokens_per_second_p50,
    SUM(every_call.weight * priced.cache_read_tokens)
    / NULLIF(SUM(every_call.weight * priced.input_tokens) FILTER (priced.cache_read_tokens IS NOT NULL), 0)
        AS cache_hit_rate,
    SUM(CASE WHEN priced.error_type IS NOT NULL THEN every_call.weight ELSE 0 END) / NULLIF(SUM(every_call.weight), 0)
        AS error_rate,
    SUM(every_call.weight * priced.cost_usd) / NULLIF(SUM(every_call.weight) FILTER (priced.cost_usd IS NOT NULL), 0)
        AS usd_per_call,
    SUM(every_call.weight * priced.cost_usd) AS usd_in_all,
    COUNT(*) FILTER (priced.cost_usd IS NULL AND priced.error_type IS NULL) AS unpriced
FROM every_call
INNER JOIN calls ON every_call.call_row = calls.rowid
INNER JOIN priced_calls AS priced ON calls.trace_id = priced.trace_id AND calls.span_id = priced.span_id
WHERE LIST_CONTAINS($sites, every_call.site_id)
