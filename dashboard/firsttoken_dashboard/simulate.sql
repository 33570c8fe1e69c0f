-- Which plausible calls did these applications make? One row per call, ready for `calls`: those of the temporary table `numbers`.
-- Every chance is a hash of the call's number, its purpose and the seed: the same seed gives the same store, in any number
-- of batches or threads. (A hash of the three as arguments would be correlated from purpose to purpose.)
-- Calls come in blocks of four that share a site; a site with `chain` makes each block one trace, its calls after one another.
WITH sites (site, weight, service, version, file, line, func, model, stream, chain, tools, effort, prefix_tokens, prefix_chars, marked, hit_share, tail_mu, out_mu, out_sigma, thinking_share, max_tokens, timeout_s, fresh_client, fault) AS (
    VALUES
        (0, 0.26, 'support-chat', '4.2.0', '/srv/support-chat/app/reply.py', 41, 'answer_customer', 'claude-sonnet-5-5', TRUE, FALSE, 6, 'medium', 6200, 24800, TRUE, 0.86, 6.3, 5.5, 0.7, 0.25, 4096, 600.0, FALSE, 0.010),
        (1, 0.20, 'support-chat', '4.2.0', '/srv/support-chat/app/triage.py', 18, 'classify', 'claude-haiku-5-5', FALSE, FALSE, 0, 'low', 900, 3600, FALSE, 0.0, 5.6, 2.6, 0.4, 0.0, 64, 30.0, FALSE, 0.006),
        (2, 0.14, 'search', '2026.11.3', '/srv/search/rerank.py', 77, 'rerank', 'claude-haiku-5-5', FALSE, FALSE, 0, 'low', 2100, 8400, TRUE, 0.62, 7.4, 4.1, 0.5, 0.0, 512, 20.0, TRUE, 0.014),
        (3, 0.12, 'code-agent', '0.9.1', '/srv/code-agent/agent/loop.py', 132, 'step', 'claude-opus-5-5', TRUE, TRUE, 14, 'medium', 11800, 47200, TRUE, 0.91, 8.2, 5.9, 0.9, 0.45, 16000, 600.0, FALSE, 0.012),
        (4, 0.09, 'reports', '1.0.4', '/srv/reports/jobs/summarise.py', 54, 'summarise', 'claude-opus-5', FALSE, FALSE, 0, 'high', 4300, 17200, FALSE, 0.0, 8.6, 6.6, 0.5, 0.30, 8192, 90.0, FALSE, 0.018),
        (5, 0.08, 'reports', '1.0.4', '/srv/reports/jobs/extract.py', 29, 'extract_fields', 'claude-sonnet-5', FALSE, FALSE, 2, 'high', 3100, 12400, TRUE, 0.35, 7.9, 5.2, 0.6, 0.10, 4096, 600.0, FALSE, 0.008),
        (6, 0.07, 'search', '2026.11.3', '/srv/search/answer.py', 203, 'answer_question', 'claude-sonnet-5-5', TRUE, FALSE, 1, 'medium', 3900, 15600, TRUE, 0.71, 8.0, 5.8, 0.6, 0.15, 2048, 600.0, FALSE, 0.010),
        (7, 0.04, 'legacy-mailer', '7', '/opt/mailer/compose.py', 12, 'compose', 'claude-haiku-4-5', TRUE, FALSE, 0, NULL, 500, 2000, FALSE, 0.0, 6.0, 5.0, 0.6, 0.0, 1024, 600.0, TRUE, 0.020)
),
ranges AS (
    SELECT
        *,
        printf('system:%016x:%d:%s', hash(site, 31), prefix_chars, CASE WHEN marked THEN '5m' ELSE '-' END) AS system_block,
        -- Set in every id, so that all have sixteen digits.
        1::UBIGINT << 63 AS top,
        coalesce(sum(weight) OVER (ORDER BY site ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS lowest
    FROM sites
),
-- Seconds to the first token = base + per_token x uncached input; then tokens per second.
models (model, base_s, per_token_s, speed) AS (
    VALUES
        ('claude-opus-5-5', 1.15, 0.00016, 92.0), ('claude-opus-5', 1.30, 0.00019, 68.0),
        ('claude-sonnet-5-5', 0.62, 0.00011, 128.0), ('claude-sonnet-5', 0.74, 0.00012, 97.0),
        ('claude-haiku-5-5', 0.31, 0.00005, 205.0), ('claude-haiku-4-5', 0.38, 0.00006, 148.0)
),
draws AS (
    SELECT
        i,
        i // 4 AS block,
        i % 4 AS step,
        (hash(i * 64 + 1, $seed) >> 11) / 9007199254740992.0 AS u_time,
        (hash(i // 4 * 64 + 2, $seed) >> 11) / 9007199254740992.0 AS u_site,
        (hash(i * 64 + 3, $seed) >> 11) / 9007199254740992.0 AS u_hit,
        (hash(i * 64 + 4, $seed) >> 11) / 9007199254740992.0 AS u_fault,
        (hash(i * 64 + 5, $seed) >> 11) / 9007199254740992.0 AS u_kind,
        sqrt(-2 * ln(((hash(i * 64 + 6, $seed) >> 11) + 1) / 9007199254740993.0)) AS radius_a,
        6.283185307179586 * ((hash(i * 64 + 7, $seed) >> 11) / 9007199254740992.0) AS angle_a,
        sqrt(-2 * ln(((hash(i * 64 + 8, $seed) >> 11) + 1) / 9007199254740993.0)) AS radius_b,
        6.283185307179586 * ((hash(i * 64 + 9, $seed) >> 11) / 9007199254740992.0) AS angle_b
    FROM numbers
),
placed AS (
    SELECT
        *,
        radius_a * cos(angle_a) AS z_tail,
        radius_a * sin(angle_a) AS z_out,
        radius_b * cos(angle_b) AS z_ttft,
        radius_b * sin(angle_b) AS z_speed,
        -- Evenly through the window, then bent so that days are busy and nights are not.
        (block * 4 + 4 * u_time) / $calls::DOUBLE AS even
    FROM draws
),
timed AS (
    SELECT
        *,
        even + 0.7 / (6.283185307179586 * $days) * sin(6.283185307179586 * $days * even) AS part,
        -- Two hours of overload in the last fifth of the window.
        even BETWEEN 0.83 AND 0.83 + least(0.02, 0.09 / $days) AS overloaded
    FROM placed
),
sized AS (
    SELECT
        t.* EXCLUDE (radius_a, angle_a, radius_b, angle_b),
        s.* EXCLUDE (weight, lowest),
        m.base_s,
        m.per_token_s,
        m.speed AS model_speed,
        s.marked AND t.u_hit < s.hit_share AS hit,
        greatest(8, exp(s.tail_mu + 0.5 * t.z_tail) * CASE WHEN s.chain THEN 1 + 0.9 * t.step ELSE 1 END)::BIGINT AS tail_tokens,
        least(s.max_tokens, greatest(3, exp(s.out_mu + s.out_sigma * t.z_out)))::BIGINT AS out_tokens,
        t.u_fault < s.fault * CASE WHEN t.overloaded THEN 14 ELSE 1 END AS faulty
    FROM timed AS t
    JOIN ranges AS s ON t.u_site >= s.lowest AND t.u_site < s.lowest + s.weight
    JOIN models AS m ON s.model = m.model
),
clocked AS (
    SELECT
        *,
        faulty AND u_kind < 0.30 AS failed,
        CASE WHEN faulty THEN 1 + (u_kind * 3)::INTEGER % 3 ELSE 1 END AS attempts_made,
        CASE WHEN faulty THEN 0.45 + 1.8 * u_kind ELSE 0 END AS waited_s,
        CASE WHEN fresh_client THEN 0.030 + 0.018 * u_hit END AS connect_s,
        (base_s + per_token_s * (tail_tokens + CASE WHEN hit THEN 0 ELSE prefix_tokens END))
        * exp(0.28 * z_ttft) * CASE WHEN overloaded THEN 1.9 ELSE 1 END AS first_s,
        model_speed * exp(0.16 * z_speed) AS rate,
        (out_tokens * thinking_share * (0.4 + 1.2 * u_time))::BIGINT AS thought_tokens
    FROM sized
),
lasting AS (
    SELECT
        *,
        waited_s + coalesce(connect_s, 0) + first_s AS ttft,
        greatest(out_tokens - thought_tokens, 1) / rate AS streamed_s,
        thought_tokens / rate AS thought_s
    FROM clocked
),
-- Asked for twice, and cheap to make again: kept, its rows would be written down twice.
ended AS NOT MATERIALIZED (
    SELECT
        *,
        CASE WHEN failed THEN waited_s + 0.2 + u_hit ELSE ttft + thought_s + streamed_s END AS lasted_s
    FROM lasting
),
chained AS (
    SELECT i, sum(lasted_s + 0.6) OVER (PARTITION BY block ORDER BY step ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_s
    FROM ended
    WHERE chain
),
started AS (
    SELECT
        ended.*,
        $since::TIMESTAMP_NS + to_microseconds((1e6 * (part * $days * 86400 + coalesce(chained.before_s, 0)))::BIGINT) AS began,
        -- A chain is numbered by its first call: by its block, it would share its trace with the call of that number.
        lower(
            to_hex(hash(CASE WHEN chain THEN ended.i - step ELSE ended.i END * 64 + 20, $seed) | top)
            || to_hex(hash(CASE WHEN chain THEN ended.i - step ELSE ended.i END * 64 + 21, $seed) | top)
        ) AS trace,
        lower(to_hex(hash(ended.i * 64 + 22, $seed) | top)) AS span,
        lower(to_hex(hash(CASE WHEN chain THEN ended.i - step ELSE ended.i END * 64 + 23, $seed) | top)) AS parent
    FROM ended
    LEFT JOIN chained ON ended.i = chained.i
)
SELECT
    trace AS trace_id,
    span AS span_id,
    parent AS parent_span_id,
    'chat' AS operation,
    service AS service_name,
    version AS service_version,
    'firsttoken' AS scope_name,
    began AS start_time,
    began + to_microseconds((1e6 * lasted_s)::BIGINT) AS end_time,
    lasted_s AS duration_s,
    'anthropic' AS provider,
    model AS request_model,
    CASE WHEN NOT failed THEN model END AS response_model,
    stream,
    max_tokens,
    effort,
    CASE WHEN thinking_share > 0 THEN 'adaptive' END AS thinking,
    tools AS tool_count,
    timeout_s,
    2 AS max_retries,
    CASE WHEN stream AND NOT failed THEN ttft END AS ttft_s,
    CASE WHEN stream AND NOT failed THEN 'first_delta' END AS ttft_definition,
    CASE WHEN failed THEN NULL WHEN stream THEN ttft * 0.93 ELSE lasted_s * 0.995 END AS time_to_headers_s,
    CASE WHEN stream AND NOT failed THEN ttft + thought_s END AS time_to_first_text_s,
    CASE WHEN stream AND NOT failed AND streamed_s >= 0.2 AND out_tokens - thought_tokens >= 20 THEN rate END AS tokens_per_second,
    CASE WHEN stream AND NOT failed THEN greatest((out_tokens - thought_tokens) // 3, 1) END AS chunk_count,
    CASE WHEN stream AND NOT failed THEN 4.5 / rate END AS chunk_gap_p95_s,
    CASE WHEN stream AND NOT failed THEN (9 + 20 * u_hit) / rate END AS chunk_gap_max_s,
    CASE WHEN stream AND NOT failed THEN streamed_s * 0.02 END AS consumer_s,
    CASE WHEN NOT failed THEN prefix_tokens + tail_tokens END AS input_tokens,
    CASE WHEN NOT failed THEN tail_tokens + CASE WHEN marked THEN 0 ELSE prefix_tokens END END AS uncached_input_tokens,
    CASE WHEN NOT failed THEN CASE WHEN hit THEN prefix_tokens ELSE 0 END END AS cache_read_tokens,
    CASE WHEN NOT failed THEN CASE WHEN marked AND NOT hit THEN prefix_tokens ELSE 0 END END AS cache_write_tokens,
    CASE WHEN NOT failed THEN CASE WHEN marked AND NOT hit THEN prefix_tokens ELSE 0 END END AS cache_write_5m_tokens,
    CASE WHEN NOT failed THEN 0 END AS cache_write_1h_tokens,
    CASE WHEN NOT failed THEN out_tokens END AS output_tokens,
    CASE WHEN NOT failed THEN thought_tokens END AS thinking_tokens,
    CASE WHEN failed THEN NULL WHEN out_tokens >= max_tokens THEN 'max_tokens' WHEN chain AND step < 3 THEN 'tool_use' ELSE 'end_turn' END AS stop_reason,
    CASE WHEN NOT failed THEN NULL WHEN overloaded OR u_kind < 0.10 THEN 'overloaded_error' WHEN u_kind < 0.18 THEN 'rate_limit_error' WHEN u_kind < 0.25 THEN 'APITimeoutError' ELSE 'APIConnectionError' END AS error_type,
    CASE WHEN NOT failed THEN 200 WHEN overloaded OR u_kind < 0.10 THEN 529 WHEN u_kind < 0.18 THEN 429 END AS http_status,
    attempts_made AS attempts,
    waited_s * 0.6 AS retry_wait_s,
    CASE WHEN fresh_client THEN span ELSE 'client-' || service END AS client_id,
    CASE WHEN fresh_client THEN 1 ELSE i + 1 END AS client_calls,
    fresh_client OR u_hit > 0.985 AS connection_new,
    CASE WHEN fresh_client THEN connect_s WHEN u_hit > 0.985 THEN 0.021 END AS connection_s,
    CASE WHEN fresh_client THEN 0.034 END AS client_construction_s,
    file AS code_file,
    line AS code_line,
    func AS code_function,
    'req_' || span AS request_id,
    CASE WHEN NOT failed THEN 'standard' END AS service_tier,
    'text' AS output_type,
    CASE WHEN failed THEN NULL WHEN chain AND step < 3 THEN ['text:1', 'tool_use:1'] ELSE ['text:1'] END AS response_blocks,
    span AS request_hash,
    lower(to_hex(hash(site, 30) | top)) AS settings_hash,
    CASE WHEN chain AND step > 0 THEN [lower(to_hex(hash((i - 1) * 64 + 22, $seed) | top)) || ':1'] ELSE [] END AS depends_on,
    [
        system_block,
        'messages:' || span || ':' || (tail_tokens * 4) || ':-'
    ] AS prompt_blocks,
    'api.anthropic.com' AS server_address,
    1000 + site AS process_id,
    'host-' || site AS service_instance_id,
    2000000 AS ratelimit_input_tokens_limit,
    (1000 * (2000 * (0.35 + 0.6 * u_time) * CASE WHEN overloaded THEN 0.3 ELSE 1 END)::BIGINT) AS ratelimit_input_tokens_remaining,
    60 * u_time AS ratelimit_input_tokens_reset_s,
    'firsttoken' AS dialect,
    TRUE AS simulated
FROM started
