"""A stream: how it was read, and what that tells.

While the application reads, its bytes and their moments are noted (`body.py`), and `watch` stands between the SDK's
generator and the application for the way in which the stream ends. All else is worked out of the bytes when somebody
looks at the call's span.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import ref

from firsttoken.decoding import Decoder, decoder_of
from firsttoken.guard import fault, guarded
from firsttoken.response import Answer, get

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping

    from firsttoken.call import Call

#: A read that took longer than this waited for the network; a shorter one may have found its bytes already there.
#: Reading bytes that are there was measured at up to 0.1 ms, in asyncio 0.55 ms.
WAITED_S = 0.001
#: The same where nobody looked whether bytes were there: after many short holds, and in an event loop after any.
WAITED_LONG_S = 0.005
#: An arrival is known when the application held the stream for less than this since it last waited for it.
EXACT_S = 0.002
#: A decode rate wants at least this much of a stream.
LEAST_RATE_S = 0.2
LEAST_RATE_TOKENS = 20
#: A body that is not a stream is kept for its usage up to this many bytes.
LARGEST_BODY = 16_000_000
#: Chunks that are decoded before other threads get their turn.
MOST_AT_ONCE = 250
#: Chunks at the end of a stream in which its last event stands.
LAST_CHUNKS = 4


class Reading:
    """How an answer was read. Times are `perf_counter`, in seconds.

    `chunks`, `came`, `asked`: the bytes, when each chunk came, and when the application asked for one (for the first
    of all, too). `found_there`: the numbers of chunks that lay in the socket when they were asked for, as far as
    anybody looked. What follows from them is there after `read`: `deltas` are the arrivals of the content deltas,
    negative where they may have come earlier, because the application was not reading; `sizes` their characters.
    """

    def __init__(self, silent_until: float) -> None:
        #: Until when no token can have come: that of the response's headers.
        self.silent_until = silent_until
        #: Since when the application could have asked for the first event.
        self.waiting_since = silent_until
        self.chunks: list[bytes] = []
        self.came: list[float] = []
        self.asked: list[float] = []
        self.found_there: set[int] = set()
        #: Whether anybody looks: nobody does in an event loop, which reads ahead of the application.
        self.looks = False
        self.deltas: list[float] = []
        self.sizes: list[int] = []
        self.json_deltas: set[int] = set()
        #: How many of the deltas came until the last of a summary (compaction), which is no part of the answer.
        self.summed_up = 0
        self.first_text = 0.0
        #: The error that the API sent in mid-stream.
        self.error: str | None = None
        #: The SDK's generator, once it parses; weak, because httpx's pool holds a request until its answer is read,
        #: and so this, and a stream that the application dropped must not be kept by it.
        self.parser: ref[Any] | None = None
        self.stopped = False
        self.thinking_shown = False
        self._decoder: Decoder | None = None
        self._size = 0
        self._judged = 0
        self._held = 0.0
        self._arrival = 0.0

    def observed(self, headers: Mapping[str, str]) -> None:
        """The bytes of an answer with these headers will be noted here."""
        self._decoder = decoder_of(headers)

    def keeper(self) -> Callable[[bytes], object]:
        """What takes the chunks: all of a stream's, those of a Message up to a bound, none that cannot be read."""
        if self._decoder is None:
            return _unkept
        return self.chunks.append if self._decoder.streams else partial(guarded, "a response's bytes", self._keep)

    def _keep(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= LARGEST_BODY:
            self.chunks.append(chunk)
        else:  # half a Message tells nothing
            self.chunks.clear()

    def decodes(self) -> bool:
        """Whether the bytes tell everything. Else the SDK's events are looked at one by one."""
        return self._decoder is not None

    @property
    def parsing(self) -> bool:
        """Whether the SDK's generator is running right now: what happens then, it will tell better itself."""
        parser = None if self.parser is None else self.parser()
        return getattr(parser, "gi_running", False) or getattr(parser, "ag_running", False)

    @property
    def held_s(self) -> float:
        """How long the application held the answer: before it asked for the first chunk, and between two of them."""
        if not self.asked:
            return 0.0
        return self.asked[0] - self.waiting_since + sum(map(float.__sub__, self.asked[1:], self.came))

    def ending(self, answer: Answer, *, complete: bool) -> str | None:
        """`error.type` of a stream that was read to its end, or left: what the API sent, else None.

        `api_error` where it was read to an end that is none, as the SDK's own tracing has it; the application sees no
        error.
        """
        decoder = self._decoder
        if decoder is not None:
            if not decoder.streams:
                return None
            if decoder.searchable:
                last = b"".join(self.chunks[-LAST_CHUNKS:])
                if b"error" not in last and (not complete or b"message_stop" in last):
                    return None
        self.read(answer)
        is_cut = complete and not self.stopped and (self.parser is not None or self.deltas)
        return self.error or ("api_error" if is_cut else None)

    def read(self, answer: Answer) -> None:
        """Reads the bytes that are there, once."""
        decoder, self._decoder = self._decoder, None
        chunks, self.chunks = self.chunks, []
        if decoder is None:
            return
        came, sized, said = self.deltas.append, self.sizes.append, answer.text.append
        for number, chunk in enumerate(chunks, 1):
            try:
                arrival = self._judge_next()
                for event in decoder.feed(chunk):
                    delta = event.get("delta")
                    # The delta of a text, which most are, without a call.
                    if self.first_text and delta is not None and delta.get("type") == "text_delta":
                        text = delta["text"]
                        said(text)
                        sized(len(text))
                        came(arrival)
                    else:
                        self.note(event, answer, arrival)
            except Exception:  # noqa: BLE001
                fault("a response's bytes")
            if number % MOST_AT_ONCE == 0:
                sleep(0)
        with suppress(ValueError):  # of half a Message, or of what is none
            message = decoder.end()
            if get(message, "type") == "message":
                answer.read_message(message)

    def note_unread(self, event: object, answer: Answer) -> None:
        """An event of the SDK's, where its bytes cannot be read: only their moments are known, if they are."""
        while self._judged < len(self.came):
            self._arrival = self._judge_next()
        self.note(event, answer, self._arrival or -perf_counter())

    def _judge_next(self) -> float:
        """When the next chunk came, negative where it may have lain there before. Once for each chunk, in their order.

        No generator: of a stream that is dropped, Python may close that first.
        """
        number = self._judged
        before = self.came[number - 1] if number else self.silent_until
        asked, came = self.asked[number], self.came[number]
        hold = asked - before
        held = self._held + hold
        # Who looks does so after a long hold only, of which many short ones make one too.
        looked = self.looks and hold > EXACT_S
        waited_s = WAITED_S if looked or held <= EXACT_S else WAITED_LONG_S
        if came - asked > waited_s and number not in self.found_there:
            held = 0.0
        self._judged, self._held = number + 1, held
        return came if held < EXACT_S else -came

    def note(self, event: object, answer: Answer, arrival: float) -> None:
        """An event, of the SDK or decoded."""
        kind = get(event, "type")
        if kind == "content_block_delta":
            self._note_delta(get(event, "delta"), answer, arrival)
        elif kind == "message_start":
            answer.read_start(get(event, "message"))
        elif kind == "content_block_start":
            answer.read_block(get(event, "content_block"))
        elif kind == "message_delta":
            answer.read_delta(event)
        elif kind == "message_stop":
            self.stopped = True
        elif kind == "error":
            error = get(get(event, "error"), "type")
            self.error = error if isinstance(error, str) else "api_error"

    def _note_delta(self, delta: object, answer: Answer, arrival: float) -> None:
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


def _unkept(_chunk: bytes) -> None:
    """The bytes of an answer that cannot be read."""


def watch(events: Iterator[Any], call: Call, reading: Reading) -> Generator[Any, None, None]:
    """Hands on the events of a sync stream; ends the call when the stream ends, however it does."""
    reading.parser = ref(events)
    try:
        if guarded("a stream's bytes", reading.decodes):
            yield from events
        else:
            for event in events:
                guarded("a stream's event", reading.note_unread, event, call.answer)
                yield event
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
    reading.parser = ref(events)
    unread = not guarded("a stream's bytes", reading.decodes)
    try:
        async for event in events:
            if unread:
                guarded("a stream's event", reading.note_unread, event, call.answer)
            yield event
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
    """What the deltas of a stream tell. Gaps are seconds between deltas. None is not known."""

    tokens_per_second: float | None = None
    gap_p95_s: float | None = None
    gap_max_s: float | None = None


def pace_of(reading: Reading, streamed_tokens: int | None) -> Pace:
    """Decode rate and stalls, from those deltas whose arrival is known.

    An application that holds the stream hides when deltas came; between two whose arrival is known, the server sent
    all those between them, however long they were held. Subtracting the hold instead would call a slow reader's
    model fast. A delta's part of the tokens is taken from its characters. Gaps before tool input are left out: the
    API sends it in bursts, one a parameter. After a delta that may have come earlier than it was read, the server was
    silent for at least as long as its next one took: that is the longest gap, if it is longer than any that is known.
    """
    deltas = reading.deltas
    begun = reading.summed_up
    known = [index for index, moment in enumerate(deltas) if moment > 0 and index >= begun]
    if len(known) < 2:
        return Pace()
    first, last = known[0], known[-1]
    span_s = deltas[last] - deltas[first]
    rate = None
    if streamed_tokens is not None and span_s >= LEAST_RATE_S:
        tokens = streamed_tokens * sum(reading.sizes[first + 1 : last + 1]) / (sum(reading.sizes) or 1)
        if tokens >= LEAST_RATE_TOKENS - 1:
            rate = tokens / span_s
    skip = reading.json_deltas
    after = [at for at in known if at > begun and at not in skip]
    gaps = sorted(deltas[at] - deltas[at - 1] for at in after if deltas[at - 1] > 0)
    return Pace(
        rate,
        gaps[round(0.95 * (len(gaps) - 1))] if gaps else None,
        max((deltas[at] - abs(deltas[at - 1]) for at in after), default=None),
    )
