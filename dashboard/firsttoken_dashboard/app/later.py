"""Answers that take longer than a page may: made in a thread of this process, one at a time, and kept."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar, cast

from firsttoken.store import StoreError
from firsttoken_dashboard.analysis import overview
from firsttoken_dashboard.app.reading import Reader

T = TypeVar("T")

_log: Final = logging.getLogger(__name__)
#: What a page waits for an answer over a store of up to so many calls: most take less there. Over a larger one it does
#: not wait, and is drawn itself before the answer is begun.
SMALL: Final = 20_000
_PATIENCE_S: Final = 0.3
HEAD_START_S: Final = 1.5
_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Standing(Generic[T]):
    """The newest answer there is (None: none yet), and in a sentence why there is none where it cannot be had.

    `done` is set once the answer that is being made is there; None: none is being made.
    """

    answer: T | None
    wrong: str | None = None
    done: threading.Event | None = None


@dataclass(slots=True)
class _Asked:
    answer: Any = None
    wrong: str | None = None
    state: Hashable = None
    at: float = 0.0
    done: threading.Event | None = None


@dataclass(slots=True)
class _Shelf:
    asked: OrderedDict[Hashable, _Asked] = field(default_factory=OrderedDict[Hashable, _Asked])
    lock: threading.Lock = field(default_factory=threading.Lock)


_shelf: Final = _Shelf()
_turn: Final = threading.Lock()


def answer(reader: Reader, key: Hashable, make: Callable[[], T], *, kept_s: float) -> Standing[T]:
    """What `make` gives for this store in this state; for `kept_s` seconds also if the store has changed since.

    Waits for a moment only: then None, and the next drawing asks again.
    """
    with _shelf.lock:
        one = _shelf.asked.setdefault((str(reader.store.path), key), _Asked())
        _shelf.asked.move_to_end((str(reader.store.path), key))
        while len(_shelf.asked) > _MOST:
            _shelf.asked.popitem(last=False)
        small = reader.ask(overview.extent).n_calls <= SMALL
        fresh = one.at and (one.state == reader.state or time.monotonic() - one.at < kept_s)
        if one.done is None and not fresh:
            one.done = threading.Event()
            threading.Thread(
                target=_make, args=(one, one.done, make, reader.state, 0.0 if small else HEAD_START_S), daemon=True
            ).start()
        done = one.done
        reader.unsettled |= done is not None or one.state != reader.state
    if done is not None and one.answer is None and small:
        done.wait(_PATIENCE_S)
    return Standing(cast("T | None", one.answer), one.wrong, done)


def _make(one: _Asked, done: threading.Event, make: Callable[[], Any], state: Hashable, wait_s: float) -> None:
    made, wrong = None, None
    time.sleep(wait_s)
    with _turn:
        try:
            made = make()
        except StoreError as error:
            wrong = str(error)
        except Exception:  # noqa: BLE001 - whatever it was, the page is to say so, and not to ask again at once
            _log.exception("An answer could not be made")
            wrong = "This could not be computed; the dashboard's log says why."
        finally:
            with _shelf.lock:
                one.answer = one.answer if made is None else made
                one.wrong, one.state, one.at, one.done = wrong, state, time.monotonic(), None
            done.set()
