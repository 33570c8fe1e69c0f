-- What did each call take and cost? Per call of a sample application: service_name, code_function, trace_id, start_s and
-- end_s (since the epoch), shown_s (until the reader saw something), ttft_s, setup_s (making the client and opening its
-- connection), lost_s (failed attempts and sleeping), input and output cost in USD. Needs the view `priced_calls`.
SELECT
    service_name,
    code_function,
    trace_id,
    epoch(start_time)::DOUBLE AS start_s,
    epoch(end_time)::DOUBLE AS end_s,
    CASE WHEN stream THEN coalesce(time_to_first_text_s, ttft_s) ELSE duration_s END AS shown_s,
    ttft_s,
    CASE WHEN client_calls = 1 THEN coalesce(client_construction_s, 0) ELSE 0 END + coalesce(connection_s, 0) AS setup_s,
    CASE
        WHEN error_type IS NOT NULL THEN duration_s
        ELSE coalesce(retry_wait_s, 0) + coalesce(
            list_sum(list_transform(
                from_json(attempt_events, '[{"attributes": {"duration": "DOUBLE"}}]'),
                lambda attempt: attempt.attributes.duration
            )),
            0
        )
    END AS lost_s,
    uncached_cost_usd + cache_read_cost_usd + cache_write_cost_usd AS input_usd,
    output_cost_usd AS output_usd
FROM priced_calls
WHERE operation = 'chat'
ORDER BY start_time
