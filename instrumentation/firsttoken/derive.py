"""What a call's span says beside what the SDK's own would, from what was seen of the call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from firsttoken import attributes as a
from firsttoken import background
from firsttoken.response import header_attributes
from firsttoken.stream import pace_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

    from firsttoken.background import Prints
    from firsttoken.call import Call
    from firsttoken.connection import Attempt
    from firsttoken.stream import Reading


def derive(call: Call) -> dict[str, AttributeValue]:
    """The attributes of a call that has ended. Values are as OpenTelemetry keeps them: sequences are tuples."""
    prints = background.looked_at(call)
    found: dict[str, AttributeValue] = {
        **(prints.asked if prints else call.asked),
        **call.said,
        a.OPERATION_NAME: call.operation,
        a.PROCESS_PID: os.getpid(),
        a.CLIENT_ID: call.identity.id,
        a.CLIENT_CALLS: call.nth,
    }
    if call.identity.construction_s is not None:
        found[a.CLIENT_CONSTRUCTION_DURATION] = call.identity.construction_s
    _add_limits(call, found)
    if call.site is not None:
        found[a.CODE_FILE], found[a.CODE_LINE], found[a.CODE_FUNCTION] = call.site
    call.answer.add_to(found)
    header_attributes(call.headers, call.answered_at, found)
    if call.headers_at is not None:
        found[a.TIME_TO_HEADERS] = call.headers_at - call.began
    if len(call.attempts) > 1:
        found[a.RETRY_WAIT] = call.retry_wait_s
    if call.attempts:
        _add_connection(call.attempts[-1], found)
    if call.reading is not None and call.reading.deltas:
        _add_reading(call, call.reading, found)
    if prints is not None:
        _add_prints(prints, found)
    return found


def measured(call: Call, told: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """What the histograms take of a call that ends now; `told`: what its span says already."""
    found = {**told, a.OPERATION_NAME: call.operation, **call.said}
    call.read()
    call.answer.add_to(found)
    if call.reading is not None and call.reading.deltas:
        found[a.TIME_TO_FIRST_CHUNK] = abs(call.reading.deltas[0]) - call.began
    return found


def _add_limits(call: Call, found: dict[str, AttributeValue]) -> None:
    if call.max_retries is not None:
        found[a.REQUEST_MAX_RETRIES] = call.max_retries
    timeout_s = None if call.timeouts is None else call.timeouts.get("read")
    if isinstance(timeout_s, (int, float)):
        found[a.REQUEST_TIMEOUT] = float(timeout_s)


def _add_connection(attempt: Attempt, found: dict[str, AttributeValue]) -> None:
    if not attempt.traced:
        return
    found[a.CONNECTION_NEW] = attempt.connect_began is not None
    seconds = attempt.connection_s
    if seconds is not None:
        found[a.CONNECTION_DURATION] = seconds


def _add_reading(call: Call, reading: Reading, found: dict[str, AttributeValue]) -> None:
    first = reading.deltas[0]
    found[a.TIME_TO_FIRST_CHUNK] = abs(first) - call.began
    if first < 0:
        found[a.TIME_TO_FIRST_CHUNK_UPPER_BOUND] = True
    if reading.first_text:
        found[a.TIME_TO_FIRST_TEXT] = reading.first_text - call.began
    found[a.CHUNK_COUNT] = len(reading.deltas)
    found[a.CONSUMER_DURATION] = reading.held_s
    pace = pace_of(reading, _streamed_tokens(call, reading))
    if pace.tokens_per_second is not None:
        found[a.OUTPUT_TOKENS_PER_SECOND] = pace.tokens_per_second
    if pace.gap_p95_s is not None:
        found[a.CHUNK_GAP_P95] = pace.gap_p95_s
    if pace.gap_max_s is not None:
        found[a.CHUNK_GAP_MAX] = pace.gap_max_s


def _streamed_tokens(call: Call, reading: Reading) -> int | None:
    usage = call.answer.usage
    output = usage.get(a.OUTPUT_TOKENS)
    if output is None or reading.thinking_shown:
        return output
    # Thinking that is not shown sends no deltas: its tokens came before the first one.
    return output - usage.get(a.REASONING_OUTPUT_TOKENS, 0)


def _add_prints(prints: Prints, found: dict[str, AttributeValue]) -> None:
    made = prints.fingerprint
    found[a.PROMPT_BLOCKS] = made.blocks
    found[a.REQUEST_HASH] = made.request_hash
    found[a.SETTINGS_HASH] = made.settings_hash
    if prints.depends_on is not None:
        found[a.DEPENDS_ON] = prints.depends_on
