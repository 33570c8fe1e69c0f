-- How do a site's calls do? One row per site (service, file, function; without a source line what is around it): its latest line, n
-- (calls), observations (traces), and of up to $most traces, drawn by their ids, the mean of each measure: time to
-- first token, duration, tokens per second, cost in USD, share that failed, share of input read from the cache.
-- Needs the temporary tables of located.sql and places.sql and the view of price.sql.
WITH observed AS (
    SELECT
        places.service,
        places.file,
        places.function,
        places.parent,
        places.prompt,
        priced.trace_id,
        MAX(places.line) AS line,
        COUNT(*) AS n,
        AVG(priced.ttft_s) AS ttft_s,
        AVG(CASE WHEN priced.error_type IS NULL THEN priced.duration_s END) AS duration_s,
        AVG(priced.tokens_per_second) AS tokens_per_second,
        AVG(priced.cost_usd) AS cost_usd,
        AVG((priced.error_type IS NOT NULL)::INTEGER)::DOUBLE AS failed,
        AVG(priced.cache_read_tokens / NULLIF(priced.input_tokens, 0)) AS hits,
        HASH(priced.trace_id) AS place
    FROM located
    INNER JOIN places ON located.place = places.place
    INNER JOIN calls ON located.call_row = calls.rowid
    INNER JOIN priced_calls AS priced ON calls.trace_id = priced.trace_id AND calls.span_id = priced.span_id
    WHERE $version IS NULL OR priced.service_version = $version
    GROUP BY ALL
)
SELECT
    service,
    file,
    MAX(line) AS line,
    function,
    parent,
    prompt,
    SUM(n)::BIGINT AS n,
    COUNT(*) AS observations,
    COALESCE((LIST(ttft_s ORDER BY place) FILTER (ttft_s IS NOT NULL))[1:$most], []) AS ttft_s,
    COALESCE((LIST(duration_s ORDER BY place) FILTER (duration_s IS NOT NULL))[1:$most], []) AS duration_s,
    COALESCE(
        (LIST(tokens_per_second ORDER BY place) FILTER (tokens_per_second IS NOT NULL))[1:$most], []
    ) AS tokens_per_second,
    COALESCE((LIST(cost_usd ORDER BY place) FILTER (cost_usd IS NOT NULL))[1:$most], []) AS cost_usd,
    COALESCE((LIST(failed ORDER BY place) FILTER (failed IS NOT NULL))[1:$most], []) AS failed,
    COALESCE((LIST(hits ORDER BY place) FILTER (hits IS NOT NULL))[1:$most], []) AS hits
FROM observed
GROUP BY service, file, function, parent, prompt
ORDER BY n DESC, service, file, function, parent, prompt
