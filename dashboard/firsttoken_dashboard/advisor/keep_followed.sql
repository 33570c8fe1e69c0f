-- Write one finding's row (the row that was there before is deleted first: the table has no key).
INSERT INTO recommendations BY NAME
SELECT
    $id AS id,
    $rule AS rule,
    $service_name AS service_name,
    $file AS code_file,
    $line AS code_line,
    $function AS code_function,
    $model AS model,
    $state AS state,
    $since_then AS state_since,
    $snoozed_until AS snoozed_until,
    $because AS dismissed_because,
    $first_seen AS first_seen,
    $last_seen AS last_seen,
    $finding AS finding
