-- How do the calls of some sites ($sites: their ids) stand? One row: n, ttft_p50_s, ttft_p95_s, duration_p95_s,
-- tokens_per_second_p50, cache_hit_rate (read tokens of all input), error_rate, usd_per_call (of those that have a
-- price), usd_in_all, unpriced (calls without a price). NULL: nothing was measured.
SELECT
    COUNT(*) AS n,
    QUANTILE_CONT(audited.ttft_s, 0.5) AS ttft_p50_s,
    QUANTILE_CONT(audited.ttft_s, 0.95) AS ttft_p95_s,
    QUANTILE_CONT(audited.duration_s, 0.95) FILTER (audited.error_type IS NULL) AS duration_p95_s,
    QUANTILE_CONT(audited.tokens_per_second, 0.5) AS tokens_per_second_p50,
    SUM(audited.weight * audited.cache_read_tokens)
    / NULLIF(SUM(audited.weight * audited.input_tokens) FILTER (audited.cache_read_tokens IS NOT NULL), 0)
        AS cache_hit_rate,
    SUM(CASE WHEN audited.error_type IS NOT NULL THEN audited.weight ELSE 0 END) / NULLIF(SUM(audited.weight), 0)
        AS error_rate,
    SUM(audited.weight * priced.cost_usd) / NULLIF(SUM(audited.weight) FILTER (priced.cost_usd IS NOT NULL), 0)
        AS usd_per_call,
    SUM(audited.weight * priced.cost_usd) AS usd_in_all,
    COUNT(*) FILTER (priced.cost_usd IS NULL AND audited.error_type IS NULL) AS unpriced
FROM audited
LEFT JOIN priced_calls AS priced ON audited.trace_id = priced.trace_id AND audited.span_id = priced.span_id
WHERE LIST_CONTAINS($sites, audited.site_id)
