-- What is in the store? One row: spans, oldest and newest start (UTC), calls,
-- recommendations, services, spans that began in the last minute and in the last hour.
SELECT
    (SELECT count(*) FROM spans) AS spans,
    (SELECT min(start_time) FROM spans) AS oldest,
    (SELECT max(start_time) FROM spans) AS newest,
    (SELECT count(*) FROM calls) AS calls,
    (SELECT count(*) FROM recommendations) AS recommendations,
    (SELECT list(DISTINCT service_name ORDER BY service_name) FROM calls WHERE service_name IS NOT NULL) AS services,
    (
        SELECT count(*) FROM spans
        WHERE start_time BETWEEN make_timestamp_ns(epoch_ns(now()) - 60_000_000_000) AND make_timestamp_ns(epoch_ns(now()))
    ) AS last_minute,
    (
        SELECT count(*) FROM spans
        WHERE start_time BETWEEN make_timestamp_ns(epoch_ns(now()) - 3_600_000_000_000) AND make_timestamp_ns(epoch_ns(now()))
    ) AS last_hour
