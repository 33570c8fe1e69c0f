"""The guard around every piece of our work inside somebody else's process.

An error of ours is logged once per place, at debug, and the application goes on as without us.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("firsttoken")

_seen: set[str] = set()
_T = TypeVar("_T")


def guarded(place: str, work: Callable[..., _T], *args: Any) -> _T | None:
    """What `work` returns; None where it raised."""
    try:
        return work(*args)
    except Exception:  # noqa: BLE001 - that is what it is for
        fault(place)
        return None


def fault(place: str) -> None:
    """Notes the exception being handled, once for each `place`; call it from an `except Exception` only."""
    if place in _seen:
        return
    _seen.add(place)
    log.debug("firsttoken could not observe %s; the call goes on without it", place, exc_info=True)  # noqa: LOG014 - called from a handler


def warn_once(place: str, message: str) -> None:
    """Warns the operator, once in the life of the process."""
    if place in _seen:
        return
    _seen.add(place)
    log.warning("%s", message)
