"""A parsed stream, watched while the application reads it.

The generators here stand between the SDK's and the application: they hand every event on as it is, and add two
readings of the clock and a comparison to each. When an event arrived they know from the bytes below (`body.py`).
What they learn lies in `Reading`, not in locals, because the SDK may end its span from inside the very `next()`
that we are waiting for.
"""

from __future__ import annotations

from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from firsttoken.guard import fault
from firsttoken.response import Answer, get

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator

    from firsttoken.call import Call

#: A read that took longer than this waited for the network; a shorter one may have found its bytes already there.
#: Reading bytes that are there was measured at up to 0.1 ms, in asyncio 0.55 ms. ns
WAITED_NS = 1_000_000
#: An arrival is known when the application held the stream for less than this since it last waited for it. ns
EXACT_NS = 2_000_000
#: A decode rate wants at least this much of a stream.
LEAST_RATE_S = 0.2
LEAST_RATE_TOKENS = 20


class Reading:
    """How a stream was read. Times are `perf_counter_ns`.

    `arrival`: when the bytes read last came, negative where they may have come earlier, because the application was
    not reading; 0 where nobody watches the bytes. `deltas`: the arrival of each content delta, and `sizes` its
    characters. `held`: the time that the application spent between two events, and before it asked for the first.
    """

    __slots__ = (
        "arrival",
        "deltas",
        "first_text",
        "held",
        "inside",
        "json_deltas",
        "parsed",
        "sizes",
        "stopped",
        "thinking_shown",
    )

    def __init__(self) -> None:
        self.arrival = 0
        self.deltas: list[int] = []
        self.sizes: list[int] = []
        self.json_deltas: set[int] = set()
        self.first_text: int | None = None
        self.held = 0
        self.inside = False
        self.parsed = False
        self.stopped = False
        self.thinking_shown = False

    def note(self, event: object, answer: Answer) -> None:
        """An event of the SDK's, just read."""
        kind = get(event, "type")
        if kind == "content_block_delta":
            self.note_delta(get(event, "delta"), answer)
        elif kind == "message_start":
            answer.read_start(get(event, "message"))
        elif kind == "content_block_start":
            answer.read_block(get(event, "content_block"))
        elif kind == "message_delta":
            answer.read_delta(event)
        elif kind == "message_stop":
            self.stopped = True

    def note_delta(self, delta: object, answer: Answer) -> None:
        """A content delta, just read."""
        arrival = self.arrival or -perf_counter_ns()
        self.deltas.append(arrival)
        kind = get(delta, "type")
        content = ""
        if kind == "text_delta":
            content = get(delta, "text")
            answer.text.append(content)
            if self.first_text is None:
                self.first_text = abs(arrival)
        elif kind == "input_json_delta":
            content = get(delta, "partial_json")
            self.json_deltas.add(len(self.deltas) - 1)
        elif kind == "thinking_delta":
            content = get(delta, "thinking")
            self.thinking_shown = True
        self.sizes.append(len(content))


def watch(events: Iterator[Any], call: Call) -> Generator[Any, None, None]:
    """Hands on the events of a sync stream; ends the call when the stream ends, however it does."""
    reading, note, answer = call.reading, call.reading.note, call.answer
    clock = perf_counter_ns
    reading.parsed = True
    reading.inside = True
    reading.held += clock() - call.returned_at
    try:
        for event in events:
            reading.inside = False
            try:
                note(event, answer)
            except Exception:  # noqa: BLE001
                fault("a stream's event")
            given = clock()
            yield event
            reading.held += clock() - given
            reading.inside = True
        call.stream_ended(None, complete=True)
    except GeneratorExit:
        call.stream_ended(None, complete=False)
        raise
    except BaseException as error:
        call.stream_ended(error, complete=False)
        raise
    finally:
        reading.inside = False
        close = getattr(events, "close", None)
        if close is not None:
            close()


async def watch_async(events: AsyncIterator[Any], call: Call) -> AsyncGenerator[Any, None]:
    """`watch`, for an async stream."""
    reading, note, answer = call.reading, call.reading.note, call.answer
    clock = perf_counter_ns
    reading.parsed = True
    reading.inside = True
    reading.held += clock() - call.returned_at
    try:
        async for event in events:
            reading.inside = False
            try:
                note(event, answer)
            except Exception:  # noqa: BLE001
                fault("a stream's event")
            given = clock()
            yield event
            reading.held += clock() - given
            reading.inside = True
        call.stream_ended(None, complete=True)
    except GeneratorExit:
        call.stream_ended(None, complete=False)
        raise
    except BaseException as error:
        call.stream_ended(error, complete=False)
        raise
    finally:
        reading.inside = False
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()


class Pace(NamedTuple):
    """What the deltas of a stream tell. Seconds; None is not known."""

    tokens_per_second: float | None
    gap_p95_s: float | None
    gap_max_s: float | None


def pace_of(reading: Reading, streamed_tokens: int | None) -> Pace:
    """Decode rate and stalls, from those deltas whose arrival is known.

    An application that holds the stream hides when deltas came; between two whose arrival is known, the server sent
    all those between them, however long they were held. Subtracting the hold instead would call a slow reader's
    model fast. A delta's part of the tokens is taken from its characters. Gaps before tool input are left out: the
    API sends it in bursts, one a parameter.
    """
    deltas = reading.deltas
    known = [index for index, moment in enumerate(deltas) if moment > 0]
    if len(known) < 2:
        return Pace(None, None, None)
    first, last = known[0], known[-1]
    span_s = (deltas[last] - deltas[first]) / 1e9
    rate = None
    if streamed_tokens is not None:
        tokens = streamed_tokens * sum(reading.sizes[first + 1 : last + 1]) / (sum(reading.sizes) or 1)
        if span_s >= LEAST_RATE_S and tokens >= LEAST_RATE_TOKENS - 1:
            rate = tokens / span_s
    skip = reading.json_deltas
    gaps = sorted(
        deltas[index] - deltas[index - 1] for index in known if deltas[index - 1] > 0 and index and index not in skip
    )
    if not gaps:
        return Pace(rate, None, None)
    return Pace(rate, gaps[round(0.95 * (len(gaps) - 1))] / 1e9, gaps[-1] / 1e9)
