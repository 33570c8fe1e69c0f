"""Streams that are still open when the interpreter exits: their calls end before the tracer provider shuts down.

Left to themselves they would end while modules are torn down: too late for their spans to be exported, and with a
warning of OpenTelemetry's.
"""

from __future__ import annotations

import atexit
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from firsttoken.guard import fault

if TYPE_CHECKING:
    from firsttoken.call import Call

#: Where a call travels from a response to its stream: in httpx's public `response.extensions`.
EXTENSION = "firsttoken.call"

_responses: WeakSet[Any] = WeakSet()
_registered = False


def begun(response: Any) -> None:
    """Notes that a call goes on for as long as `response` is read."""
    global _registered  # noqa: PLW0603 - once a process
    _responses.add(response)
    if not _registered:
        # Not before: what was registered last runs first, so by now the application has its tracer provider.
        _registered = True
        atexit.register(_end_all)


def _end_all() -> None:
    for response in list(_responses):
        try:
            call: Call = response.extensions[EXTENSION]
            # Where the SDK ends its own span, it is told so that it does not try again later.
            observer = getattr(response.stream, "stream_observer", None)
            if observer is not None:
                observer.end("closed")
            call.stream_ended(None, False)
        except Exception:  # noqa: BLE001
            fault("a stream at exit")
