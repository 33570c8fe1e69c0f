-- What did the calls of each `bucket` cost? Its columns and cost_usd (NULL: no price, or a count is not known), as price.sql
-- prices them one by one.
    SELECT
        bucket.*,
        CASE WHEN bucket.counted THEN
            CASE WHEN bucket.speed = 'fast' THEN CASE WHEN bucket.service_tier = 'batch' THEN NULL ELSE rates.fast_factor END
                WHEN bucket.service_tier = 'batch' THEN rates.batch_factor
                ELSE 1 END
            * CASE WHEN bucket.inference_geo = 'us' THEN rates.us_factor
                WHEN coalesce(bucket.inference_geo, '') IN ('', 'global', 'not_available') THEN 1
                END
            * (
                bucket.uncached_tokens * rates.uncached_usd
                + coalesce(bucket.cache_read_tokens, 0) * rates.cache_read_usd
                + bucket.written_5m_tokens * rates.cache_write_5m_usd
                + coalesce(bucket.written_1h_tokens, 0) * rates.cache_write_1h_usd
                + bucket.output_tokens * rates.output_usd
            )
            + coalesce(bucket.web_searches, 0) * rates.web_search_usd
        END AS cost_usd
    FROM bucket
    LEFT JOIN model_names AS named ON named.model = bucket.model
    LEFT JOIN model_rates AS rates
        ON rates.model_id = named.model_id
        AND bucket.one_start >= rates.valid_from
        AND bucket.one_start < rates.valid_to
        AND bucket.one_input > rates.over_input_tokens
        AND bucket.one_input <= rates.upto_input_tokens
