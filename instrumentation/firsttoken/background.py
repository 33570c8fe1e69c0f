"""The one background thread, in which requests are hashed while the network is awaited.

Waking a thread is dear: it was measured at 20 µs of the caller's processor time and 80 µs on his clock, more than
anything else we do. So after a request the thread stays awake for a while, looking for the next one by itself, in
naps that grow longer; an application that calls ten times a second wakes it once.
"""

from __future__ import annotations

import _thread
import json
import os
import threading
from collections import deque
from contextlib import suppress
from queue import SimpleQueue
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, cast

from firsttoken.fingerprint import OUTPUTS_KEPT, Fingerprint, Outputs, fingerprint, text_of_request
from firsttoken.guard import fault, guarded
from firsttoken.request import asked_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import SpanContext
    from opentelemetry.util.types import AttributeValue

    from firsttoken.call import Call
    from firsttoken.response import Answer

#: Requests waiting for their hashes; beyond it a request goes without, so that memory stays bounded.
MOST_WAITING = 256
#: With so many waiting, the thread is woken for the rest.
MANY_WAITING = 64
#: The naps of a thread that has nothing to do, in seconds; after the last it sleeps until it is woken.
NAPS_S = (0.005, 0.01, 0.02, 0.04, 0.08)
#: Requests larger than this are not looked into: they would hold the interpreter for longer than a call can spare.
LARGEST_BODY = 8_000_000


class Prints:
    """What a request's bytes tell, once they were read: the hashes of its prompt, and what it asks for.

    `depends_on` is None where it was not looked for, or where an earlier output of the trace is no longer known.
    """

    depends_on: tuple[str, ...] | None = None
    fingerprint: Fingerprint | None = None
    #: Attributes of what was asked for.
    asked: Mapping[str, AttributeValue] = {}
    done = False
    _text = ""

    def __init__(self, body: bytes, context: SpanContext) -> None:
        self._body: bytes | None = body
        self._context = context

    def waited(self, seconds: float) -> Prints | None:
        """Itself once all is there, for which it waits at most `seconds`; else None."""
        if not self.done:
            _end_nap()
            until = perf_counter() + seconds
            while not self.done and perf_counter() < until:
                sleep(seconds / 8)
        return self if self.done else None

    def make(self) -> None:
        try:
            body, self._body = self._body, None
            decoded = json.loads(body) if body is not None else None
            if isinstance(decoded, dict):
                request = cast("dict[str, Any]", decoded)
                self.asked = asked_in(request)
                self.fingerprint = fingerprint(request)
                self._text = text_of_request(request)
                # All that ended before this request was made is done. What is not, ended since; this call itself may.
                while _answered and _answered[0][0].done:
                    before, call, finish = _answered.popleft()
                    if finish is not None:
                        finish()
                    before.remember(call.answer)
                used = _outputs.used_by(self._context.trace_id, self._text)
                self.depends_on = None if used is None else tuple(used)
        except Exception:  # noqa: BLE001
            fault("the prompt's blocks")
        finally:
            self.done = True

    def answered(self, call: Call, finish: Callable[[], None] | None) -> None:
        """Remembers what the call answered, for the requests after it, once `finish` has read it."""
        if len(_answered) >= OUTPUTS_KEPT:
            with suppress(IndexError):  # the thread looks at them just now
                _answered.popleft()[0].forget()
        _answered.append((self, call, finish))  # looked at when the next request comes: no thread need wake

    def remember(self, answer: Answer) -> None:
        if not answer.text and not answer.tool_use_ids:
            return
        if self.fingerprint is None:
            self.forget()  # its own request is not known, and what stands there already proves nothing
            return
        trace_id, span_id = self._context.trace_id, format(self._context.span_id, "016x")
        _outputs.add(trace_id, span_id, self._text, "".join(answer.text), tuple(answer.tool_use_ids))
        self._text = ""

    def forget(self) -> None:
        """Its output is not remembered."""
        _outputs.forget(self._context.trace_id)


def prints(body: bytes, context: SpanContext) -> Prints | None:
    """Begins to read a request of the span with this context; None where it is too large or too many are waiting."""
    made = Prints(body, context)
    if len(body) <= LARGEST_BODY and submit(made.make):
        return made
    made.forget()
    return None


_outputs = Outputs()
_answered: deque[tuple[Prints, Call, Callable[[], None] | None]] = deque()
_queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
_thread_of: int | None = None
_starting = threading.Lock()


def submit(job: Callable[[], None]) -> bool:
    """Has `job` done in the background; False where too much is waiting already, and it is dropped."""
    global _thread_of  # noqa: PLW0603 - one thread a process
    if _thread_of is None:
        with _starting:
            if _thread_of is None:
                _thread_of = os.getpid()
                threading.Thread(target=_work, name="firsttoken-prints", daemon=True).start()
    waiting = _queue.qsize()
    if waiting >= MOST_WAITING:
        return False
    _queue.put(job)
    if waiting >= MANY_WAITING:
        _end_nap()
    return True


def _work() -> None:
    queue = _queue
    while True:
        guarded("a request in the background", queue.get())
        naps = iter(NAPS_S)
        while (nap_s := next(naps, None)) is not None:
            _alarm.acquire(timeout=nap_s)
            if not queue.empty():
                naps = iter(NAPS_S)
                while not queue.empty():
                    guarded("a request in the background", queue.get())


def _end_nap() -> None:
    if _alarm.locked():
        with suppress(RuntimeError):  # somebody else has rung it meanwhile
            _alarm.release()


def _new_alarm() -> _thread.LockType:
    alarm = _thread.allocate_lock()
    alarm.acquire()
    return alarm


def _after_fork() -> None:
    global _queue, _thread_of, _starting, _alarm  # noqa: PLW0603 - as above
    # The child may go on with what was answered in its parent; but it has no thread that would still look at these.
    for before, *_ in _answered:
        before.forget()
    _answered.clear()
    # A fork takes no threads along, and may have copied the queue or the lock in the middle of a change.
    _queue, _thread_of, _starting = SimpleQueue["Callable[[], None]"](), None, threading.Lock()
    _alarm = _new_alarm()


_alarm = _new_alarm()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
