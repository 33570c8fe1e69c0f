-- Which calls do rules look at closely? Into the temporary table `audited` (its columns: rules/__init__.py), one row for
-- each: all calls of a site and model, or of more than $most about so many, in whole traces drawn by their ids. The
-- weights then stand for all of them.
CREATE OR REPLACE TEMP TABLE audited AS
WITH strata AS (
    SELECT site_id, model, COUNT(*) AS n, SUM(weight) AS weight
    FROM every_call
    GROUP BY site_id, model
),
drawn AS (
    SELECT
        every_call.*,
        strata.n AS calls_in_all,
        strata.weight AS weight_in_all
    FROM every_call
    INNER JOIN strata
        ON every_call.site_id = strata.site_id AND every_call.model IS NOT DISTINCT FROM strata.model
    WHERE strata.n <= $most OR (every_call.trace_key >> 11) / 9007199254740992.0 < $most / strata.n
),
weighed AS (
    SELECT
        * EXCLUDE (weight, weight_in_all),
        CASE
            WHEN calls_in_all > $most THEN weight * weight_in_all / SUM(weight) OVER (PARTITION BY site_id, model)
            ELSE weight
        END AS weight
    FROM drawn
)
SELECT
    weighed.site_id,
    weighed.call_row,
    weighed.span_key,
    weighed.calls_in_all,
    COALESCE(LEN(calls.prompt_blocks), 0) AS block_count,
    COALESCE(
        LIST_BOOL_OR(LIST_TRANSFORM(calls.prompt_blocks, lambda block: NOT ENDS_WITH(block, ':-'))), FALSE
    ) AS marked,
    weighed.model,
    CASE
        WHEN sites.declared IS NOT NULL THEN sites.declared
        WHEN weighed.waited_for IS NOT NULL THEN weighed.waited_for
        WHEN sites.streams THEN TRUE
    END AS interactive,
    weighed.waited_for,
    weighed.weight,
    calls.* EXCLUDE (prompt_blocks, attempt_events, span_ids, provider, response_id, request_id, scope_name, operation)
FROM weighed
INNER JOIN calls ON weighed.call_row = calls.rowid
INNER JOIN audited_sites AS sites ON weighed.site_id = sites.site_id
