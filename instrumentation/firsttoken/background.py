"""Requests to be hashed and answers to be remembered: they wait until somebody looks at a call's span.

Nobody needs them while the application calls. Exporters look later, in a thread of their own, and it is done there, for
all calls before it too, in the order in which they happened. Done while the network is awaited, in a thread of ours, it
cost the caller as much as all the rest: two threads that run Python at once wait for each other's interpreter.

So a thread of ours does it only where no other can: a span is looked at while it ends (a SimpleSpanProcessor), a
request is large, or many wait because nobody looks.
"""

from __future__ import annotations

import _thread
import json
import os
import threading
from _thread import get_ident
from collections import deque
from contextlib import suppress
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from firsttoken.fingerprint import Fingerprint, Outputs, fingerprint, text_of_request
from firsttoken.guard import guarded
from firsttoken.late import LONGEST_WAIT_S
from firsttoken.request import asked_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import SpanContext
    from opentelemetry.util.types import AttributeValue

    from firsttoken.call import Call

#: Requests and answers that may wait; beyond it a request goes without its hashes, so that memory stays bounded.
MOST_WAITING = 1024
#: With so many waiting, our thread is woken for them.
MANY_WAITING = 256
#: A request of so many bytes is hashed at once: neither memory nor who looks at its span should be kept waiting.
LARGE_BODY = 100_000
#: Requests larger than this are not looked into: they would hold the interpreter for longer than a call can spare.
LARGEST_BODY = 8_000_000
#: How long a caller waits for its request's hashes, where its span is looked at while it ends.
HASH_WAIT_S = 0.001


class Prints(NamedTuple):
    """What a request's bytes tell, once they were read.

    `asked`: attributes of what was asked for. `fingerprint`: the hashes of its prompt. `depends_on` is None where an
    earlier output of the trace is no longer known. `text` is the prompt's, and goes nowhere.
    """

    asked: Mapping[str, AttributeValue]
    fingerprint: Fingerprint
    depends_on: tuple[str, ...] | None
    text: str


def sent(call: Call, body: bytes) -> bool:
    """The request of `call` will be read; False where it is too large, or too many are waiting."""
    if len(body) > LARGEST_BODY or len(_waiting) >= MOST_WAITING:
        _forget(call)
        return False
    call.request_body = body
    _waiting.append(call)
    if _looked_at_once or len(body) >= LARGE_BODY or len(_waiting) >= MANY_WAITING:
        _wake()
    return True


def answered(call: Call) -> None:
    """The span of `call` has ended. What was answered will be remembered, for the requests after it."""
    call.ending_in = 0  # from here on who looks at it does so in his own time
    if call.context is None:
        return
    if len(_waiting) >= MOST_WAITING:
        _forget(call)
    else:
        _waiting.append(call)


def looked_at(call: Call) -> Prints | None:
    """Reads the answer to `call`, and its request and all before it, unless that was done. What its request tells.

    None where it was not to be read, or where its caller would have to wait for too long.
    """
    if call.ending_in == get_ident():
        _wait_for(call)
        call.read()  # nobody else does, until it has ended
        return call.prints
    # Not for ever: a signal's handler may look while the thread that it interrupts does.
    held = _reading.acquire(timeout=LONGEST_WAIT_S)
    try:
        while held and _unread(call) and _waiting:
            guarded("a request", _take, _waiting.popleft())
        call.read()
    finally:
        if held:
            _reading.release()
    sleep(0)  # who exports many spans lets others have the interpreter in between
    return call.prints


def submit(job: Callable[[], None]) -> None:
    """Has `job` done in our thread; where too many wait already, it is dropped."""
    if len(_jobs) < MOST_WAITING:
        _jobs.append(job)
        _wake()


_outputs = Outputs()
#: A call stands here when its request was sent, and again when it has ended.
_waiting: deque[Call] = deque()
_jobs: deque[Callable[[], None]] = deque()
#: Held by who takes from what waits.
_reading = threading.Lock()
_looked_at_once = False
_thread_of: int | None = None
_starting = threading.Lock()


def _unread(call: Call) -> bool:
    return call.request_body is not None


def _take(call: Call) -> None:
    body = call.request_body
    if body is None:
        _remember(call)
        return
    try:
        request = json.loads(body)
        if isinstance(request, dict):
            call.prints = _prints(call, cast("dict[str, Any]", request))
    finally:
        call.request_body = None


def _prints(call: Call, request: dict[str, Any]) -> Prints:
    text = text_of_request(request)
    used = _outputs.used_by(_context(call).trace_id, text)
    return Prints(asked_in(request), fingerprint(request), None if used is None else tuple(used), text)


def _remember(call: Call) -> None:
    call.read()
    answer = call.answer
    if not answer.text and not answer.tool_use_ids:
        return
    if call.prints is None:
        _forget(call)  # its own request is not known, and what stands there already proves nothing
        return
    text, context = "".join(answer.text), _context(call)
    _outputs.add(context.trace_id, format(context.span_id, "016x"), call.prints.text, text, tuple(answer.tool_use_ids))
    call.prints = call.prints._replace(text="")


def _forget(call: Call) -> None:
    _outputs.forget(_context(call).trace_id)


def _context(call: Call) -> SpanContext:
    return cast("SpanContext", call.context)


def _wait_for(call: Call) -> None:
    global _looked_at_once  # noqa: PLW0603 - it is how this process exports
    if not _unread(call):
        return
    _looked_at_once = True  # from now on requests are read while the network is awaited
    _wake()
    until = perf_counter() + HASH_WAIT_S
    while _unread(call) and perf_counter() < until:
        sleep(HASH_WAIT_S / 8)


def _wake() -> None:
    global _thread_of  # noqa: PLW0603 - one thread a process
    if _thread_of is None:
        with _starting:
            if _thread_of is None:
                _thread_of = os.getpid()
                threading.Thread(target=_work, name="firsttoken-prints", daemon=True).start()
    if _alarm.locked():
        with suppress(RuntimeError):  # somebody else has rung it meanwhile
            _alarm.release()


def _work() -> None:
    while True:
        _alarm.acquire()
        while _jobs:
            guarded("a job in the background", _jobs.popleft())
        while _waiting:
            with _reading, suppress(IndexError):  # whoever looks has taken it
                guarded("a request", _take, _waiting.popleft())
            sleep(0)


def _new_alarm() -> _thread.LockType:
    alarm = _thread.allocate_lock()
    alarm.acquire()
    return alarm


def _after_fork() -> None:
    global _jobs, _waiting, _reading, _thread_of, _starting, _alarm
    # The child may go on with what was answered in its parent; but what these were is the parent's to find out.
    for call in _waiting:
        _forget(call)
    # A fork takes no threads along, and may have copied a lock or a queue in the middle of a change.
    _jobs, _waiting, _reading = deque["Callable[[], None]"](), deque["Call"](), threading.Lock()
    _thread_of, _starting, _alarm = None, threading.Lock(), _new_alarm()


_alarm = _new_alarm()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
