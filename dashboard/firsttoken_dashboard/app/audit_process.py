"""An audit in a process of its own, with less claim to the processor than the pages have.

python -m firsttoken_dashboard.app.audit_process   (a pickled job in, pickled messages out: both ends are ours)
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import firsttoken.store
from firsttoken.store import StoreError
from firsttoken_dashboard.advisor import audit as advisor
from firsttoken_dashboard.advisor import verify
from firsttoken_dashboard.advisor.findings import Audit
from firsttoken_dashboard.advisor.followed import Followed
from firsttoken_dashboard.advisor.sites import SettingsError
from firsttoken_dashboard.analysis import Window

Progress: TypeAlias = Callable[[str], None]

#: For DuckDB in that process.
MEMORY: Final = "512MB"
_NICE: Final = 10
#: While an audit reads, writers cannot have the file: what they bring waits in the outbox beside it, which has a bound.
LIMIT_S: Final = 120.0


class AuditFailed(Exception):  # noqa: N818 - an answer to the page
    """The process ended without an answer; str() is one sentence."""


@dataclass(frozen=True, slots=True)
class Made:
    """An audit as the rules gave it, and what became of earlier findings, by id."""

    audit: Audit
    followed: dict[str, Followed]


def made_here(store: firsttoken.store.Store, window: Window, progress: Progress) -> Made:
    """Audit in this process, and follow up what was found before. Raises StoreError, SettingsError."""
    found = advisor.audit(store, window, progress=progress)
    told = verify.follow(store, found, service=window.service)
    return Made(found, {one.id: one for one in told.followed})


def made_beside(path: Path, window: Window, progress: Progress) -> Made:
    """As `made_here`, in a process beside this one; `progress` hears each rule's title. Raises AuditFailed."""
    command = [sys.executable, "-c", f"from {__name__} import main; main()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        if process.stdin is None or process.stdout is None:
            raise AuditFailed("The audit's process has no pipes.")
        began = time.monotonic()
        timer = threading.Timer(LIMIT_S, process.kill)
        timer.start()
        try:
            pickle.dump((str(path), window), process.stdin)
            process.stdin.close()
            while True:
                kind, told = pickle.load(process.stdout)  # noqa: S301 - our own process
                if kind == "done":
                    return told
                if kind == "wrong":
                    raise AuditFailed(told)
                progress(told)
        except (EOFError, OSError, pickle.UnpicklingError):
            if time.monotonic() - began >= LIMIT_S:
                raise AuditFailed(
                    f"The audit took over {LIMIT_S:.0f} s: choose a shorter window, or ask `firsttoken report`."
                ) from None
            raise AuditFailed("The audit ended early; the page tries again.") from None
        finally:
            timer.cancel()
            process.kill()


def main() -> None:
    """Take one job, answer it."""
    path, window = pickle.load(sys.stdin.buffer)  # noqa: S301 - from `made_beside`
    out = sys.stdout.buffer
    with contextlib.suppress(AttributeError, OSError):  # Windows has none
        os.nice(_NICE)

    def send(kind: str, told: Any) -> None:
        pickle.dump((kind, told), out)
        out.flush()

    # The page may have gone, or have been told to stop by the same key.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        try:
            store = firsttoken.store.open(path, memory_limit=MEMORY)
            send("done", made_here(store, window, lambda title: send("at", title)))
        except (StoreError, SettingsError) as error:
            send("wrong", str(error))
