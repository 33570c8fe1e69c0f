"""Spans that wait in memory when a process ends, and the endings at which OpenTelemetry's SDK would lose them.

The SDK flushes when the interpreter exits by itself: at the end, by an exception, `sys.exit`, SIGINT. It does not on
SIGTERM's default action.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import wrapt
from opentelemetry import trace

from firsttoken.guard import fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from types import FrameType, ModuleType

    from opentelemetry.sdk.trace import SpanProcessor

SIGNAL_LIMIT_S: Final = 1.0
"""The longest that we hold up a process which a signal would have ended at once."""

FLUSH_LIMIT_S: Final = 10.0
"""The longest that we hold up one which ends by itself; the SDK's own limit is 30 s. A first flush on a busy machine,
with the database still to be loaded, was seen to take over a second."""

targets: Final[list[SpanProcessor]] = []
"""Processors of ours to flush, wherever else they hang."""


def prepare() -> None:
    """Arrange for the flushes of this process."""
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)
    atexit.register(_flush_at_exit)
    wrapt.register_post_import_hook(_flush_after_uvicorn, "uvicorn.server")


def flush(limit_s: float = FLUSH_LIMIT_S) -> None:
    """Export what waits, in at most `limit_s` seconds, without raising; safe inside a signal handler.

    Each processor has a thread to itself: a collector that does not answer must not cost the store its second. And
    the exporter's locks may be held by the very code that the signal interrupted: only another thread may wait.
    """
    until = time.monotonic() + limit_s
    try:
        for done in [_flushing(processor) for processor in _processors()]:
            done.acquire(timeout=max(0.0, until - time.monotonic()))
    except Exception:  # noqa: BLE001 - at the end of a process there is nobody to tell
        fault("the last flush")


def _flushing(processor: Any) -> _thread.LockType:
    """Begin to flush a processor (or provider); the lock that is returned can be acquired when it is done."""
    done = _thread.allocate_lock()
    done.acquire()

    def run() -> None:
        try:
            processor.force_flush()
        except Exception:  # noqa: BLE001 - an exporter's trouble is not the application's
            fault("the last flush")
        finally:
            done.release()

    try:
        # Not threading.Thread: starting one waits for locks that the interrupted code may hold.
        _thread.start_new_thread(run, ())
    except RuntimeError:
        run()  # from 3.12 on, an interpreter that is shutting down starts no threads
    return done


def _processors() -> list[Any]:
    provider: Any = trace.get_tracer_provider()
    inner: Sequence[Any] | None = getattr(getattr(provider, "_active_span_processor", None), "_span_processors", None)
    if inner is None:
        inner = [provider] if hasattr(provider, "force_flush") else []
    # By identity: Logfire's provider, for one, cannot be hashed.
    each_once = {id(each): each for each in [*targets, *inner]}.values()
    # `done`: what SDK 1.30 calls a processor that was shut down; flushing it would log a warning.
    return [each for each in each_once if not getattr(each, "done", False)]


def _on_sigterm(signum: int, _frame: FrameType | None) -> None:
    # First the default: a second SIGTERM ends the process at once, as it would have without us.
    signal.signal(signum, signal.SIG_DFL)
    flush(SIGNAL_LIMIT_S)
    signal.raise_signal(signum)


def _flush_at_exit() -> None:
    """Leave the SDK nothing to do, and the exit status of an interrupted program as it was.

    Python forgets that a KeyboardInterrupt ended the program, and exits with 1 in place of SIGINT, when code is
    compiled and run after it; the imports of a first export do that (every NamedTuple does).
    """
    flush()
    if getattr(sys, "last_type", None) is KeyboardInterrupt and not hasattr(sys, "ps1"):
        with contextlib.suppress(KeyboardInterrupt):
            exec("raise KeyboardInterrupt")  # noqa: S102 - what the interpreter remembers is the last code run like this


def _flush_after_uvicorn(server: ModuleType) -> None:
    """Under gunicorn, uvicorn puts SIGTERM's default back and raises it: there is no handler of ours to come to."""
    try:
        wrapt.wrap_function_wrapper(server, "Server.shutdown", _flush_after_shutdown)
    except Exception:  # noqa: BLE001 - raised into the application's `import uvicorn` otherwise
        fault("uvicorn's shutdown")


async def _flush_after_shutdown(
    wrapped: Callable[..., Awaitable[object]], _server: object, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> object:
    try:
        return await wrapped(*args, **kwargs)
    finally:
        flush()
