-- What is in the store? One row: spans, oldest and newest start (UTC), calls, recommendations, services.
SELECT
    (SELECT count(*) FROM spans) AS spans,
    (SELECT min(start_time) FROM spans) AS oldest,
    (SELECT max(start_time) FROM spans) AS newest,
    (SELECT count(*) FROM calls) AS calls,
    (SELECT count(*) FROM recommendations) AS recommendations,
    (SELECT list(DISTINCT service_name ORDER BY service_name) FROM calls WHERE service_name IS NOT NULL) AS services
