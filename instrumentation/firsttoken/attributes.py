"""Every attribute name that is written or read, once.

Semantic conventions' names where they exist. The constants are our own because the `gen_ai.*` ones of
opentelemetry-semantic-conventions are all marked as moved, and it has none for cache writes.
Units: seconds are floats, counts are integers; what was not observed is absent, never 0.
"""

from __future__ import annotations

from typing import Final

# gen_ai.*: the request
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
OUTPUT_TYPE: Final = "gen_ai.output.type"

# gen_ai.*: the response
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"

# anthropic.*: as the SDK writes them
CACHE_WRITE_5M_TOKENS: Final = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens"
CACHE_WRITE_1H_TOKENS: Final = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
COMPACTION_INPUT_TOKENS: Final = "anthropic.usage.compaction.input_tokens"
COMPACTION_OUTPUT_TOKENS: Final = "anthropic.usage.compaction.output_tokens"
REQUEST_ID: Final = "anthropic.request.id"
ORGANIZATION_ID: Final = "anthropic.organization.id"
WORKSPACE_ID: Final = "anthropic.workspace.id"
REQUEST_SERVICE_TIER: Final = "anthropic.request.service_tier"
RESPONSE_SERVICE_TIER: Final = "anthropic.response.service_tier"
STOP_REASON: Final = "anthropic.message.stop_reason"
THINKING_TYPE: Final = "anthropic.request.thinking.type"

# OpenTelemetry, general
ERROR_TYPE: Final = "error.type"
HTTP_STATUS_CODE: Final = "http.response.status_code"
HTTP_RESEND_COUNT: Final = "http.request.resend_count"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
PROCESS_PID: Final = "process.pid"
CODE_FILE: Final = "code.file.path"
CODE_LINE: Final = "code.line.number"
CODE_FUNCTION: Final = "code.function.name"

# firsttoken.*: clocks
#: True where nobody was reading when the first token came, so that the time to first chunk is an upper bound.
TIME_TO_FIRST_CHUNK_UPPER_BOUND: Final = "firsttoken.time_to_first_chunk.upper_bound"
TIME_TO_HEADERS: Final = "firsttoken.time_to_headers"
TIME_TO_FIRST_TEXT: Final = "firsttoken.time_to_first_text"
OUTPUT_TOKENS_PER_SECOND: Final = "firsttoken.output_tokens_per_second"
CHUNK_COUNT: Final = "firsttoken.chunk.count"
CHUNK_GAP_P95: Final = "firsttoken.chunk.gap.p95"
CHUNK_GAP_MAX: Final = "firsttoken.chunk.gap.max"
CONSUMER_DURATION: Final = "firsttoken.consumer.duration"

# firsttoken.*: cache, limits in force, retries
CACHE_HIT_RATIO: Final = "firsttoken.cache.hit_ratio"
REQUEST_TIMEOUT: Final = "firsttoken.request.timeout"
REQUEST_MAX_RETRIES: Final = "firsttoken.request.max_retries"
RETRY_WAIT: Final = "firsttoken.retry.wait"
ATTEMPT_EVENT: Final = "firsttoken.attempt"
ATTEMPT_DURATION: Final = "duration"
ATTEMPT_RETRY_AFTER: Final = "retry_after"

# firsttoken.*: client and connection
CLIENT_ID: Final = "firsttoken.client.id"
CLIENT_CALLS: Final = "firsttoken.client.calls"
CLIENT_CONSTRUCTION_DURATION: Final = "firsttoken.client.construction_duration"
CONNECTION_NEW: Final = "firsttoken.connection.new"
CONNECTION_DURATION: Final = "firsttoken.connection.duration"

# firsttoken.*: the request's shape, without its text
PROMPT_BLOCKS: Final = "firsttoken.prompt.blocks"
REQUEST_HASH: Final = "firsttoken.request.hash"
SETTINGS_HASH: Final = "firsttoken.settings.hash"
DEPENDS_ON: Final = "firsttoken.depends_on"
REQUEST_TOOL_COUNT: Final = "firsttoken.request.tool_count"
RESPONSE_BLOCKS: Final = "firsttoken.response.blocks"
SPEED: Final = "firsttoken.speed"
INFERENCE_GEO: Final = "firsttoken.inference_geo"
SERVER_TOOL_COUNTS: Final = "firsttoken.server_tool_counts"

# firsttoken.ratelimit.{bucket}.{value}; reset is seconds from the response on
RATELIMIT_PREFIX: Final = "firsttoken.ratelimit."
RATELIMIT_BUCKETS: Final = ("requests", "tokens", "input_tokens", "output_tokens")
RATELIMIT_VALUES: Final = ("limit", "remaining", "reset")

#: Scope of the spans that we open ourselves.
SCOPE_NAME: Final = "firsttoken"
#: Scope of the SDK's own tracing (anthropic 1.14.0 and later).
SDK_SCOPE_NAME: Final = "com.anthropic.sdk.python"
