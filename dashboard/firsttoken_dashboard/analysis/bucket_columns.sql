-- What tells calls apart whose tokens have one price, and their tokens: columns of a relation `bucket` over `calls`, grouped
-- by the first six. `counted`: whether the counts that a price needs are known; `one_input`, `one_start`: of any of them.
        coalesce(response_model, request_model) AS model,
        speed,
        service_tier,
        inference_geo,
        price_bracket(input_tokens, start_time) AS bracket,
        input_tokens IS NOT NULL AND uncached_input_tokens IS NOT NULL AND output_tokens IS NOT NULL AS counted,
        min(input_tokens) AS one_input,
        min(start_time) AS one_start,
        count(*) AS n_calls,
        count(error_type) AS n_errors,
        sum(input_tokens)::DOUBLE AS input_tokens,
        sum(uncached_input_tokens)::DOUBLE AS uncached_tokens,
        sum(cache_read_tokens)::DOUBLE AS cache_read_tokens,
        sum(CASE WHEN cache_read_tokens IS NOT NULL THEN input_tokens END)::DOUBLE AS cacheable_tokens,
        sum(coalesce(cache_write_5m_tokens, coalesce(cache_write_tokens, 0) - coalesce(cache_write_1h_tokens, 0)))::DOUBLE
            AS written_5m_tokens,
        sum(cache_write_1h_tokens)::DOUBLE AS written_1h_tokens,
        sum(output_tokens)::DOUBLE AS output_tokens,
        sum(TRY_CAST(json_extract_string(server_tool_counts, '$.web_search_requests') AS BIGINT)) AS web_searches
