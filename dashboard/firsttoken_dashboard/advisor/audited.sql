-- Which calls does an audit look at? One row per model call of the window, into the temporary table `audited`
-- (its columns: rules/__init__.py). Needs the temporary tables of sites.sql.
CREATE OR REPLACE TEMP TABLE audited AS
SELECT
    located.site_id,
    located.call_row,
    COALESCE(LEN(calls.prompt_blocks), 0) AS block_count,
    COALESCE(
        LIST_BOOL_OR(LIST_TRANSFORM(calls.prompt_blocks, lambda block: NOT ENDS_WITH(block, ':-'))), FALSE
    ) AS marked,
    COALESCE(calls.request_model, calls.response_model) AS model,
    CASE
        WHEN sites.declared IS NOT NULL THEN sites.declared
        WHEN located.waited_for IS NOT NULL THEN located.waited_for
        WHEN sites.streams THEN TRUE
    END AS interactive,
    located.waited_for,
    CASE
        WHEN calls.sampling_probability > 0 AND calls.sampling_probability < 1 THEN 1 / calls.sampling_probability
        ELSE 1
    END::DOUBLE AS weight,
    calls.* EXCLUDE (prompt_blocks, attempt_events, span_ids, provider, response_id, request_id, scope_name, operation)
FROM calls
INNER JOIN located ON calls.rowid = located.call_row
INNER JOIN audited_sites AS sites ON located.site_id = sites.site_id
