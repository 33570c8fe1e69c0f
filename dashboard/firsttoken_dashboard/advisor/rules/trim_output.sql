-- How long are a site's answers, and how much of them do later calls use? Per site and model: site_id, model, n (calls
-- that ended by themselves), weight, typical max_tokens, whether most stream, most output tokens of any call, grid of
-- visible output tokens, calls that a later call uses, the median share of those that is used, decode rate, traces.
WITH answered AS (
    SELECT
        audited.*,
        audited.output_tokens - coalesce(audited.thinking_tokens, 0) AS visible_tokens,
        used.share
    FROM audited
    LEFT JOIN used_answers AS used ON audited.span_key = used.span_key
    WHERE audited.error_type IS NULL AND audited.output_tokens IS NOT NULL AND audited.model IS NOT NULL
)
SELECT
    site_id,
    model,
    count(*) AS n,
    sum(weight) AS weight,
    mode(max_tokens) AS max_tokens,
    avg(CASE WHEN stream THEN 1 ELSE 0 END) > 0.5 AS streams,
    max(output_tokens) AS longest,
    avg(CASE WHEN coalesce(stop_reason, 'end_turn') IN ('end_turn', 'stop_sequence') THEN 1 ELSE 0 END) AS finished,
    quantile_cont(visible_tokens, $grid) AS visible_tokens,
    count(share) AS followed,
    quantile_cont(share, 0.5) AS used_share,
    (array_agg(trace_id ORDER BY output_tokens DESC))[1:3] AS traces
FROM answered
GROUP BY site_id, model
ORDER BY site_id, model
