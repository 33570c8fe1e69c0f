-- Which spans began the traces of a batch of simulated calls (the rows of `calls` from $first_row on)? One row per trace,
-- ready for `spans`: a request that the service answers, or a step of a job.
WITH began AS (
    -- Only a chain's trace has several calls.
    SELECT trace_id, parent_span_id, code_function, service_name, start_time, end_time, error_type
    FROM calls
    WHERE rowid >= $first_row AND code_function <> 'step'
    UNION ALL
    SELECT
        trace_id,
        ANY_VALUE(parent_span_id),
        ANY_VALUE(code_function),
        ANY_VALUE(service_name),
        MIN(start_time),
        MAX(end_time),
        ANY_VALUE(error_type)
    FROM calls
    WHERE rowid >= $first_row AND code_function = 'step'
    GROUP BY trace_id
),
told AS (
    SELECT *, code_function IN ('answer_customer', 'classify', 'rerank', 'answer_question') AS served
    FROM began
)
SELECT
    trace_id,
    parent_span_id AS span_id,
    NULL AS parent_span_id,
    CASE WHEN served THEN 'POST /' ELSE 'run ' END || code_function AS name,
    CASE WHEN served THEN 'SERVER' ELSE 'INTERNAL' END AS kind,
    start_time - to_microseconds(4000) AS start_time,
    end_time + to_microseconds(2000) AS end_time,
    CASE WHEN error_type IS NULL THEN 'OK' ELSE 'ERROR' END AS status_code,
    'firsttoken.simulate' AS scope_name,
    service_name,
    '{"service.name":"' || service_name || '","firsttoken.simulated":true}' AS resource,
    '{}' AS attributes,
    '[]' AS events,
    '[]' AS links
FROM told
