-- Which spans began the traces of a batch of simulated calls? One row per trace, ready for `spans`: a request that the
-- service answers where its site is `served`, else a step of a job.
SELECT
    trace_id,
    any_value(parent_span_id) AS span_id,
    NULL AS parent_span_id,
    CASE WHEN any_value(served) THEN 'POST /' ELSE 'run ' END || any_value(code_function) AS name,
    CASE WHEN any_value(served) THEN 'SERVER' ELSE 'INTERNAL' END AS kind,
    min(start_time) - to_microseconds(4000) AS start_time,
    max(end_time) + to_microseconds(2000) AS end_time,
    CASE WHEN count(error_type) > 0 THEN 'ERROR' ELSE 'OK' END AS status_code,
    'firsttoken.simulate' AS scope_name,
    any_value(service_name) AS service_name,
    '{"service.name":"' || any_value(service_name) || '","firsttoken.simulated":true}' AS resource,
    '{}' AS attributes,
    '[]' AS events,
    '[]' AS links
FROM simulated
GROUP BY trace_id
