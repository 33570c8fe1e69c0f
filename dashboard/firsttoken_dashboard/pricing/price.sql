-- What did each call cost? Every column of `calls`, then model_id and model_family (NULL: a model that is not in the
-- price list), row_id (DuckDB's, for as long as the connection is open), the cost in USD of each part, and cost_usd
-- (NULL: no price, or a count is not known).
CREATE OR REPLACE TEMP VIEW priced_calls AS
WITH rated AS (
    SELECT
        calls.*,
        calls.rowid AS row_id,
        named.model_id,
        named.family AS model_family,
        rates.uncached_usd,
        rates.cache_read_usd,
        rates.cache_write_5m_usd,
        rates.cache_write_1h_usd,
        rates.output_usd,
        rates.web_search_usd,
        coalesce(TRY_CAST(json_extract_string(calls.server_tool_counts, '$.web_search_requests') AS BIGINT), 0)
            AS web_searches,
        CASE WHEN calls.speed = 'fast' THEN CASE WHEN calls.service_tier = 'batch' THEN NULL ELSE rates.fast_factor END
            WHEN calls.service_tier = 'batch' THEN rates.batch_factor
            ELSE 1 END
        * CASE WHEN calls.inference_geo = 'us' THEN rates.us_factor
            WHEN coalesce(calls.inference_geo, '') IN ('', 'global', 'not_available') THEN 1
            END AS factor
    FROM calls
    LEFT JOIN model_names AS named ON named.model = coalesce(calls.response_model, calls.request_model)
    LEFT JOIN model_rates AS rates
        ON rates.model_id = named.model_id
        AND calls.start_time >= rates.valid_from
        AND calls.start_time < rates.valid_to
        AND calls.input_tokens > rates.over_input_tokens
        AND calls.input_tokens <= rates.upto_input_tokens
), parts AS (
    SELECT
        rated.* EXCLUDE (
            uncached_usd, cache_read_usd, cache_write_5m_usd, cache_write_1h_usd, output_usd, web_search_usd,
            web_searches, factor
        ),
        factor * uncached_input_tokens * uncached_usd AS uncached_cost_usd,
        factor * coalesce(cache_read_tokens, 0) * cache_read_usd AS cache_read_cost_usd,
        factor * (
            coalesce(cache_write_5m_tokens, coalesce(cache_write_tokens, 0) - coalesce(cache_write_1h_tokens, 0))
                * cache_write_5m_usd
            + coalesce(cache_write_1h_tokens, 0) * cache_write_1h_usd
        ) AS cache_write_cost_usd,
        factor * output_tokens * output_usd AS output_cost_usd,
        web_searches * web_search_usd AS server_tool_cost_usd
    FROM rated
)
SELECT
    *,
    uncached_cost_usd + cache_read_cost_usd + cache_write_cost_usd + output_cost_usd + server_tool_cost_usd AS cost_usd
FROM parts
