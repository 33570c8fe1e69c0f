-- Which sites lose time or answers to an overloaded API (529) or to their own rate limit (429)? Per site, model and
-- reason: site_id, model, reason, n (all calls there), weight, hit (calls that met it), failed (calls that ended with
-- it), attempts, midstream (errors after the response had begun), without_advice (refusals that named no time to come
-- back), retry_after_max_s, long_sleeps (attempts told to wait over 5 s), lost_s (per hit call, at most 1,000: failed
-- attempts and sleeping), later_s (of that, what came after the first failure), total_s (of all calls), worst_10_minutes
-- (most failed calls in one), rescued (failed calls after which the same function had another model answer), typical max_retries and max_tokens, and sample traces.
WITH tried AS (
    SELECT
        trace_id,
        span_id,
        reason,
        COUNT(*) AS attempts,
        COUNT(*) FILTER (midstream) AS midstream,
        COUNT(*) FILTER (retry_after_s IS NULL) AS without_advice,
        MAX(retry_after_s) AS retry_after_s,
        COUNT(*) FILTER (retry_after_s > 5) AS long_sleeps,
        SUM(duration_s) AS failed_s,
        MIN(duration_s) AS first_s,
        SUM(COUNT(*)) OVER (PARTITION BY trace_id, span_id) AS all_attempts
    FROM failed_attempts
    GROUP BY trace_id, span_id, reason
),
hit AS (
    SELECT
        audited.*,
        tried.reason,
        tried.attempts AS refused,
        tried.midstream,
        tried.without_advice,
        tried.retry_after_s,
        tried.long_sleeps,
        -- Only the failures at which the call ended count as failed; a call may meet several kinds.
        audited.error_type IS NOT NULL AND (
            (tried.reason = 'overload' AND (audited.http_status = 529 OR audited.error_type LIKE '%verloaded%'))
            OR (tried.reason = 'limit' AND (audited.http_status = 429 OR LOWER(audited.error_type) LIKE '%rate%limit%'))
        ) AS ended,
        LEAST(
            COALESCE(tried.failed_s, 0) + COALESCE(audited.retry_wait_s, 0) * tried.attempts / tried.all_attempts,
            audited.duration_s
        ) AS lost_s,
        COALESCE(tried.failed_s - tried.first_s, 0)
        + COALESCE(audited.retry_wait_s, 0) * tried.attempts / tried.all_attempts AS later_s
    FROM audited
    INNER JOIN tried ON audited.trace_id = tried.trace_id AND audited.span_id = tried.span_id
    WHERE tried.reason IN ('overload', 'limit')
),
-- A fallback: the next call of the same function, under the same span, asks another model and is answered.
rescued AS (
    SELECT DISTINCT hit.trace_id, hit.span_id
    FROM hit
    INNER JOIN audited AS answer
        ON
            hit.trace_id = answer.trace_id
            AND hit.parent_span_id = answer.parent_span_id
            AND (
                hit.site_id = answer.site_id
                OR (hit.code_file = answer.code_file AND hit.code_function = answer.code_function)
            )
    WHERE hit.ended AND answer.error_type IS NULL AND answer.model != hit.model AND answer.start_time >= hit.end_time
),
bursts AS (
    SELECT site_id, model, reason, MAX(failures) AS worst
    FROM (
        SELECT site_id, model, reason, FLOOR(EPOCH(start_time::TIMESTAMP) / 600) AS part, COUNT(*) AS failures
        FROM hit
        WHERE ended
        GROUP BY site_id, model, reason, part
    ) AS parts
    GROUP BY site_id, model, reason
),
everything AS (
    SELECT site_id, model, COUNT(*) AS n, SUM(weight) AS weight, SUM(duration_s) AS total_s
    FROM audited
    GROUP BY site_id, model
)
SELECT
    hit.site_id,
    hit.model,
    hit.reason,
    MAX(everything.n) AS n,
    MAX(everything.weight) AS weight,
    COUNT(*) AS hit,
    COUNT(*) FILTER (ended) AS failed,
    SUM(refused)::BIGINT AS attempts,
    SUM(midstream)::BIGINT AS midstream,
    SUM(without_advice)::BIGINT AS without_advice,
    MAX(retry_after_s) AS retry_after_max_s,
    SUM(long_sleeps)::BIGINT AS long_sleeps,
    COALESCE((ARRAY_AGG(lost_s ORDER BY hit.span_id) FILTER (lost_s IS NOT NULL))[1:1000], []) AS lost_s,
    COALESCE((ARRAY_AGG(later_s ORDER BY hit.span_id) FILTER (lost_s IS NOT NULL))[1:1000], []) AS later_s,
    MAX(everything.total_s) AS total_s,
    COALESCE(MAX(bursts.worst), 0) AS worst_10_minutes,
    COUNT(rescued.span_id) AS rescued,
    MODE(max_retries) AS max_retries,
    MODE(max_tokens) AS max_tokens,
    (ARRAY_AGG(hit.trace_id ORDER BY lost_s DESC))[1:3] AS traces
FROM hit
INNER JOIN everything ON hit.site_id = everything.site_id AND hit.model = everything.model
LEFT JOIN rescued ON hit.trace_id = rescued.trace_id AND hit.span_id = rescued.span_id
LEFT JOIN bursts ON hit.site_id = bursts.site_id AND hit.model = bursts.model AND hit.reason = bursts.reason
GROUP BY hit.site_id, hit.model, hit.reason
ORDER BY hit.site_id, hit.model, hit.reason
