-- What became of the findings? One row each, oldest first: id, rule, service, file, line, function, model, state, since, snoozed
-- until, dismissed because, first and last seen, the finding as JSON text.
SELECT
    id,
    rule,
    service_name,
    code_file,
    code_line,
    code_function,
    model,
    state,
    state_since::TIMESTAMP AS since,
    snoozed_until::TIMESTAMP AS until,
    dismissed_because,
    first_seen::TIMESTAMP AS first_seen,
    last_seen::TIMESTAMP AS last_seen,
    finding::VARCHAR AS finding
FROM recommendations
ORDER BY first_seen, id
