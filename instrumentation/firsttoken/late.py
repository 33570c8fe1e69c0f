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
    setattr(kept, _WORK, (work, replacing))  # not by its `__dict__`, which need not be made for that
    kept.__class__ = LateAttributes
    return True


class LateAttributes(BoundedAttributes):
    """What a span's attributes are until somebody looks; from then on they are BoundedAttributes again.

    Whatever looks goes through `_dict`, in every method of the base class and for those who know its insides.
    """

    @property
    def _dict(self) -> Any:
        if _WORK in self.__dict__:
            _finish(self)
        return self.__dict__["_dict"]

    @_dict.setter
    def _dict(self, value: Any) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self.__dict__["_dict"] = value


def _finish(attributes: Any) -> None:
    """Does the work once, for the first who looks; others wait for it."""
    own = attributes.__dict__
    # Made by who looks and not by the caller; all who look at once get the same one.
    lock = own.setdefault(_LOCK, _thread.allocate_lock())
    if not lock.acquire(timeout=LONGEST_WAIT_S):
        return
    try:
        pending = own.get(_WORK)
        if pending is not None:
            work, replacing = pending
            found = work()
            known = own["_dict"]
            if replacing in found:
                known.pop(replacing, None)
            known.update({**found, **known})
    except Exception:  # noqa: BLE001
        fault("a call's attributes")
    finally:
        own.pop(_WORK, None)
        own.pop(_LOCK, None)
        attributes.__class__ = BoundedAttributes
        lock.release()
