"""The advisor's answer for a page, made beside it: kept while the store stands still, made anew now and then.

A page never waits for an audit longer than a moment: it shows the newest answer there is, and how far a newer one has
come. A large store is audited by a process of its own (`audit_process`): rules are Python, and in this process they
would take the pages' turns, and keep their memory.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

import firsttoken.store
from firsttoken.store import StoreError
from firsttoken_dashboard.advisor import states
from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.advisor.rules import NAMES
from firsttoken_dashboard.advisor.sites import SettingsError
from firsttoken_dashboard.analysis import Window, overview
from firsttoken_dashboard.app import audit_process
from firsttoken_dashboard.app.audit_process import AuditFailed, Made
from firsttoken_dashboard.app.filters import Chosen
from firsttoken_dashboard.app.later import HEAD_START_S, SMALL
from firsttoken_dashboard.app.reading import Reader

_log: Final = logging.getLogger(__name__)
#: What a page waits for an answer over a small store: most audits there take less.
_PATIENCE_S: Final = 0.4
#: While an application writes, an answer is kept for so long, or for twenty times what it took to make: an audit of a
#: large store must not become the store's main reader.
_KEPT_S: Final = 10.0
_MOST: Final = 16


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the audit of a window stands.

    `audit` is the newest answer, with what the user decided since (None: there is none yet); `progress` says how far a
    newer one has come, from 0 to 1 and in words (None: none is being made), and `done` is set once it is there; `wrong`
    says why there is none.
    """

    audit: Audit | None
    progress: tuple[float, str] | None = None
    wrong: str | None = None
    done: threading.Event | None = None


@dataclass(slots=True)
class _Asked:
    """One window's audits: the last answer, and the one that is being made."""

    made: Made | None = None
    wrong: str | None = None
    state: Hashable = None
    window: Window | None = None
    took_s: float = 0.0
    at: float = 0.0
    done: threading.Event | None = None
    progress: tuple[float, str] = (0.0, "")


@dataclass(slots=True)
class _Shelf:
    """What was asked in this process, the latest last."""

    asked: OrderedDict[Hashable, _Asked] = field(default_factory=OrderedDict[Hashable, _Asked])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, key: Hashable) -> _Asked:
        one = self.asked.setdefault(key, _Asked())
        self.asked.move_to_end(key)
        while len(self.asked) > _MOST:
            self.asked.popitem(last=False)
        return one


_shelf: Final = _Shelf()
#: One audit at a time: two would only make each other slow.
_turn: Final = threading.Lock()


def audit(reader: Reader, chosen: Chosen) -> Standing:
    """What there is to change in the chosen window. Starts making an answer where the newest is no longer fresh.

    A page that is paused keeps the answer it has.
    """
    with _shelf.lock:
        one = _shelf.of((str(reader.store.path), chosen.span, chosen.window.service))
        calls = reader.ask(overview.extent).n_calls
        if one.done is None and not _fresh(one, reader, chosen):
            one.done = threading.Event()
            threading.Thread(
                target=_make, args=(one, one.done, reader.store, chosen.window, reader.state, calls), daemon=True
            ).start()
        done = one.done
        reader.unsettled |= done is not None or one.state != reader.state
    if done is not None and one.made is None and calls <= SMALL:
        done.wait(_PATIENCE_S)
    progress = None if one.done is None else one.progress
    if one.made is None:
        return Standing(None, progress, one.wrong, done)
    known = {**one.made.followed, **reader.ask(states.read)}
    service = chosen.window.service
    shown = {key: row for key, row in known.items() if service is None or row.site.service == service}
    return Standing(states.merge(one.made.audit, shown), progress, one.wrong, done)


def _fresh(one: _Asked, reader: Reader, chosen: Chosen) -> bool:
    if one.made is None and one.wrong is None:
        return False
    if one.window == chosen.window and one.state == reader.state:
        return True
    return not chosen.live or time.monotonic() - one.at < max(_KEPT_S, 20 * one.took_s)


def _make(
    one: _Asked, done: threading.Event, store: firsttoken.store.Store, window: Window, state: Hashable, calls: int
) -> None:
    """Make an answer; whatever happens, `done` is set."""
    asked = 0

    def progress(title: str) -> None:
        nonlocal asked
        one.progress = (min(asked / len(NAMES), 1.0), title)
        asked += 1

    one.progress = (0.0, "Waiting for another audit")
    made, wrong = None, None
    time.sleep(0.0 if calls <= SMALL else HEAD_START_S)
    with _turn:
        began = time.monotonic()
        one.progress = (0.0, f"Reading {calls:,} calls")
        try:
            if calls <= SMALL:
                made = audit_process.made_here(store, window, progress)
            else:
                made = audit_process.made_beside(store.path, window, progress)
        except (StoreError, SettingsError, AuditFailed) as error:
            wrong = str(error)
        except Exception:  # noqa: BLE001 - whatever it was, the page is to say so, and not to ask again at once
            _log.exception("An audit failed")
            wrong = "The audit failed; the dashboard's log and `firsttoken report` say why."
        finally:
            with _shelf.lock:
                one.made, one.wrong = made or one.made, wrong
                one.state, one.window = state, window
                one.took_s, one.at = time.monotonic() - began, time.monotonic()
                one.done = None
            done.set()
