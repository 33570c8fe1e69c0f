-- How long are the answers to prompts that begin alike? Per hash of tools and system blocks, site and model: head,
-- site_id, model, n (calls that ended by themselves, with text), their median of visible output tokens.
WITH answered AS (
    SELECT
        audited.site_id,
        audited.model,
        audited.output_tokens - coalesce(audited.thinking_tokens, 0) AS visible_tokens,
        list_transform(
            list_filter(
                calls.prompt_blocks, lambda block: starts_with(block, 'tools:') OR starts_with(block, 'system:')
            ),
            lambda block: split_part(block, ':', 2)
        ) AS head
    FROM audited
    INNER JOIN calls ON audited.call_row = calls.rowid
    WHERE
        audited.error_type IS NULL
        AND audited.output_tokens IS NOT NULL
        AND audited.model IS NOT NULL
        AND coalesce(audited.stop_reason, 'end_turn') IN ('end_turn', 'stop_sequence')
        AND audited.output_type IS DISTINCT FROM 'json'
        AND calls.prompt_blocks IS NOT NULL
)
SELECT
    md5(array_to_string(head, ' ')) AS head,
    site_id,
    model,
    count(*) AS n,
    quantile_cont(visible_tokens, 0.5) AS visible_p50
FROM answered
WHERE len(head) > 0
GROUP BY md5(array_to_string(head, ' ')), site_id, model
ORDER BY head, site_id, model
