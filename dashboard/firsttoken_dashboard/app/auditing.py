"""The advisor's answer for a page: kept while the store stands still, asked for now and then while it grows."""

from __future__ import annotations

import time

import firsttoken.store
from firsttoken_dashboard.advisor import audit as advisor
from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.analysis import Window
from firsttoken_dashboard.app.reading import Reader

_took: dict[Window, float] = {}


def audit(reader: Reader, window: Window) -> Audit:
    """What there is to change in this window.

    While an application writes, an answer is kept for 10 s, or for twenty times what it took: an audit of a large
    store must not become the store's main reader.
    """
    kept_for = max(10.0, 20 * _took.get(window, 0.0))
    return reader.remembered(("audit", window), lambda: _asked(reader.store, window), at_least_s=kept_for)


def _asked(store: firsttoken.store.Store, window: Window) -> Audit:
    began = time.monotonic()
    answer = advisor.audit(store, window)
    _took[window] = time.monotonic() - began
    return answer
