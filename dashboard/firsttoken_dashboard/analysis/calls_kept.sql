-- Which calls does the filter leave? The conditions of a WHERE over `calls`; a filter that is NULL lets all through.
    operation = 'chat'
    AND ($since::TIMESTAMP_NS IS NULL OR start_time >= $since::TIMESTAMP_NS)
    AND ($until::TIMESTAMP_NS IS NULL OR start_time < $until::TIMESTAMP_NS)
    AND ($service::VARCHAR IS NULL OR service_name = $service)
    AND ($model::VARCHAR IS NULL OR coalesce(response_model, request_model) = $model)
    AND ($file::VARCHAR IS NULL OR code_file = $file)
    AND ($line::BIGINT IS NULL OR code_line = $line)
    AND ($trace::VARCHAR IS NULL OR trace_id = $trace)
    AND (
        $outcome::VARCHAR IS NULL
        OR ($outcome = 'failed' AND error_type IS NOT NULL)
        OR ($outcome = 'good' AND error_type IS NULL)
        OR ($outcome = 'retried' AND attempts > 1)
        OR ($outcome = 'cut' AND stop_reason = 'max_tokens')
    )
    AND ($slower_s::DOUBLE IS NULL OR duration_s >= $slower_s)
    AND ($faster_s::DOUBLE IS NULL OR duration_s < $faster_s)
    AND (
        $text::VARCHAR IS NULL
        OR contains(
            lower(concat_ws(
                ' ', trace_id, span_id, request_id, response_id, service_name, request_model, response_model,
                code_file, code_function, error_type, conversation_id
            )),
            lower($text)
        )
    )
