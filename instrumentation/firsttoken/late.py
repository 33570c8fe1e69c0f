"""Attributes of a span that are worked out when somebody first looks at them: the caller does not wait for it.

Most of what a call's span says is made of things that no longer change once the call has ended: headers, counts, the
arrivals of deltas. Making it costs as much as all else that we do on the caller's path, and nobody reads it there:
exporters do, in a thread of their own.
"""

from __future__ import annotations

import _thread
from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes

from firsttoken.guard import fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.util.types import AttributeValue

#: Room that must be left where a span's attributes are limited (to 128 by default): we add fewer than these.
MOST_ADDED = 64
#: The longest that one reader waits for another that is working the attributes out.
LONGEST_WAIT_S = 1.0

_WORK = "_firsttoken_work"
_LOCK = "_firsttoken_lock"


def add_later(span: Any, work: Callable[[], dict[str, AttributeValue]], replacing: str) -> bool:
    """Has what `work` returns added to `span` when its attributes are first looked at, and `replacing` replaced.

    False where that span's attributes are not those of OpenTelemetry's SDK, or limited so that they could overflow:
    then nothing was done.
    """
    kept: Any = getattr(span, "_attributes", None)
    if type(kept) is not BoundedAttributes or kept.max_value_len is not None:
        return False
    try:
        known = kept._dict  # noqa: SLF001 - what `LateAttributes` stands before
    except AttributeError:  # a future SDK keeps them elsewhere
        return False
    if kept.maxlen is not None and len(known) + MOST_ADDED > kept.maxlen:
        return False
    setattr(kept, _WORK, _Pending(kept, work, replacing))  # not by its `__dict__`, which need not be made for that
    kept.__class__ = LateAttributes
    return True


class LateAttributes(BoundedAttributes):
    """What a span's attributes are until somebody looks; from then on they are BoundedAttributes again.

    Whatever looks goes through `_dict`, in every method of the base class and for those who know its insides.
    """

    @property
    def _dict(self) -> Any:
        pending: _Pending | None = self.__dict__.get(_WORK)
        if pending is not None:
            pending.finish()
        return self.__dict__["_dict"]

    @_dict.setter
    def _dict(self, value: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.__dict__["_dict"] = value


class _Pending:
    """Work that is done once, by the first who looks; others wait for it."""

    __slots__ = ("_attributes", "_replacing", "_work")

    def __init__(self, attributes: Any, work: Callable[[], dict[str, AttributeValue]], replacing: str) -> None:
        self._attributes = attributes
        self._work = work
        self._replacing = replacing

    def finish(self) -> None:
        """Does the work, unless it is done."""
        attributes = self._attributes
        if attributes is None:
            return
        # Made by who looks and not by the caller; all who look at once get the same one.
        lock = attributes.__dict__.setdefault(_LOCK, _thread.allocate_lock())
        if not lock.acquire(timeout=LONGEST_WAIT_S):
            return
        attributes = self._attributes
        try:
            if attributes is not None:
                known = attributes.__dict__["_dict"]
                found = self._work()
                if self._replacing in found:
                    known.pop(self._replacing, None)
                known.update({**found, **known})
        except Exception:  # noqa: BLE001
            fault("a call's attributes")
        finally:
            if attributes is not None:
                attributes.__dict__.pop(_WORK, None)
                attributes.__class__ = BoundedAttributes
                del self._work
                self._attributes = None
                attributes.__dict__.pop(_LOCK, None)
            lock.release()
