"""A parsed stream, watched while the application reads it.

The generators here stand between the SDK's and the application: they hand every event on as it is, and add two
readings of the clock and a few comparisons to each. When an event arrived they know from the bytes below
(`body.py`). What they learn lies in `Reading`, not in locals, because the SDK may end its span from inside the very
`next()` that we are waiting for.
"""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

from firsttoken.guard import fault, guarded
from firsttoken.response import Answer, get

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator

    from firsttoken.call import Call

#: A decode rate wants at least this much of a stream.
LEAST_RATE_S = 0.2
LEAST_RATE_TOKENS = 20


class Reading:
    """How a stream was read. Times are `perf_counter`, in seconds.

    `arrival`: when the bytes read last came, negative where they may have come earlier, because the application was
    not reading; 0 where nobody watches the bytes. `deltas`: the arrival of each content delta, and `sizes` its
    characters. `held`: the time that the application spent between two events, and before it asked for the first.
    """

    __slots__ = (
        "arrival",
        "deltas",
        "first_text",
        "held",
        "json_deltas",
        "parser",
        "silent_until",
        "sizes",
        "stopped",
        "summed_up",
        "thinking_shown",
        "waiting_since",
    )

    def __init__(self, silent_until: float) -> None:
        #: Until when no token can have come: that of the response's headers.
        self.silent_until = silent_until
        #: Since when the application could have asked for the first event.
        self.waiting_since = silent_until
        self.arrival = 0.0
        self.deltas: list[float] = []
        self.sizes: list[int] = []
        self.json_deltas: set[int] = set()
        #: How many of the deltas came until the last of a summary (compaction), which is no part of the answer.
        self.summed_up = 0
        self.first_text = 0.0
        self.held = 0.0
        #: The SDK's generator, once it parses; weak, because httpx's pool holds a request until its answer is read,
        #: and so this, and a stream that the application dropped must not be kept by it.
        self.parser: ref[Any] | None = None
        self.stopped = False
        self.thinking_shown = False

    @property
    def parsing(self) -> bool:
        """Whether the SDK's generator is running right now: what happens then, it will tell better itself."""
        parser = None if self.parser is None else self.parser()
        return getattr(parser, "gi_running", False) or getattr(parser, "ag_running", False)

    @property
    def cut_short(self) -> bool:
        """Whether events were read, but not the last."""
        return not self.stopped and (self.parser is not None or bool(self.deltas))

    def note(self, event: object, answer: Answer) -> None:
        """An event that is not the delta of a text, or a decoded one."""
        kind = get(event, "type")
        if kind == "content_block_delta":
            self._note_delta(get(event, "delta"), answer)
        elif kind == "message_start":
            answer.read_start(get(event, "message"))
        elif kind == "content_block_start":
            answer.read_block(get(event, "content_block"))
        elif kind == "message_delta":
            answer.read_delta(event)
        elif kind == "message_stop":
            self.stopped = True

    def _note_delta(self, delta: object, answer: Answer) -> None:
        arrival = self.arrival or -perf_counter()
        self.deltas.append(arrival)
        kind = get(delta, "type")
        content = ""
        if kind == "text_delta":
            content = get(delta, "text")
            answer.text.append(content)
            self.first_text = self.first_text or abs(arrival)
        elif kind == "input_json_delta":
            content = get(delta, "partial_json")
            self.json_deltas.add(len(self.deltas) - 1)
        elif kind == "thinking_delta":
            content = get(delta, "thinking")
            self.thinking_shown = True
        elif kind == "compaction_delta":
            self.summed_up = len(self.deltas)
        self.sizes.append(len(content))


def watch(events: Iterator[Any], call: Call, reading: Reading) -> Generator[Any, None, None]:
    """Hands on the events of a sync stream; ends the call when the stream ends, however it does."""
    answer, clock = call.answer, perf_counter
    came, sized, said = reading.deltas.append, reading.sizes.append, answer.text.append
    reading.parser = ref(events)
    held = reading.held = clock() - reading.waiting_since
    try:
        for event in events:
            try:
                # The delta of a text, which most are, without a call: it is what a chunk costs.
                if event.type == "content_block_delta" and event.delta.type == "text_delta" and reading.first_text:
                    came(reading.arrival)
                    text = event.delta.text
                    said(text)
                    sized(len(text))
                else:
                    reading.note(event, answer)
            except Exception:  # noqa: BLE001
                fault("a stream's event")
            given = clock()
            yield event
            reading.held = held = held + clock() - given
        guarded("a stream's end", call.stream_ended, None, True)
    except GeneratorExit:
        guarded("a stream's end", call.stream_ended, None, False)
        raise
    except BaseException as error:
        guarded("a stream's end", call.stream_ended, error, False)
        raise
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()


async def watch_async(events: AsyncIterator[Any], call: Call, reading: Reading) -> AsyncGenerator[Any, None]:
    """`watch`, for an async stream."""
    answer, clock = call.answer, perf_counter
    came, sized, said = reading.deltas.append, reading.sizes.append, answer.text.append
    reading.parser = ref(events)
    held = reading.held = clock() - reading.waiting_since
    try:
        async for event in events:
            try:
                if event.type == "content_block_delta" and event.delta.type == "text_delta" and reading.first_text:
                    came(reading.arrival)
                    text = event.delta.text
                    said(text)
                    sized(len(text))
                else:
                    reading.note(event, answer)
            except Exception:  # noqa: BLE001
                fault("a stream's event")
            given = clock()
            yield event
            reading.held = held = held + clock() - given
        guarded("a stream's end", call.stream_ended, None, True)
    except GeneratorExit:
        guarded("a stream's end", call.stream_ended, None, False)
        raise
    except BaseException as error:
        guarded("a stream's end", call.stream_ended, error, False)
        raise
    finally:
        close = getattr(events, "aclose", None)
        # A loop that ends closes all generators at once: this one is then closed already, and would say so.
        if close is not None and not getattr(events, "ag_running", False):
            await close()


class Pace(NamedTuple):
    """What the deltas of a stream tell. `gaps`: seconds between deltas, ascending. None is not known."""

    tokens_per_second: float | None
    gaps: list[float]

    @property
    def gap_p95_s(self) -> float:
        return self.gaps[round(0.95 * (len(self.gaps) - 1))]


def pace_of(reading: Reading, streamed_tokens: int | None) -> Pace:
    """Decode rate and stalls, from those deltas whose arrival is known.

    An application that holds the stream hides when deltas came; between two whose arrival is known, the server sent
    all those between them, however long they were held. Subtracting the hold instead would call a slow reader's
    model fast. A delta's part of the tokens is taken from its characters. Gaps before tool input are left out: the
    API sends it in bursts, one a parameter.
    """
    deltas = reading.deltas
    begun = reading.summed_up
    known = [index for index, moment in enumerate(deltas) if moment > 0 and index >= begun]
    if len(known) < 2:
        return Pace(None, [])
    first, last = known[0], known[-1]
    span_s = deltas[last] - deltas[first]
    rate = None
    if streamed_tokens is not None and span_s >= LEAST_RATE_S:
        tokens = streamed_tokens * sum(reading.sizes[first + 1 : last + 1]) / (sum(reading.sizes) or 1)
        if tokens >= LEAST_RATE_TOKENS - 1:
            rate = tokens / span_s
    skip = reading.json_deltas
    gaps = [deltas[at] - deltas[at - 1] for at in known if at > begun and deltas[at - 1] > 0 and at not in skip]
    return Pace(rate, sorted(gaps))
