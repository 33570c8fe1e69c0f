"""Answers from the store for one drawing of a page, remembered for as long as the store does not change.

A connection is opened only for a question whose answer is not remembered, and closed when the page is drawn: a writer
never waits for a reader who is looking at the screen.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Hashable
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar, cast

import firsttoken.store
from firsttoken.store import StoreError
from firsttoken_dashboard import pricing

if TYPE_CHECKING:
    import duckdb
    from typing_extensions import Self

P = ParamSpec("P")
T = TypeVar("T")

_KEPT: Final = 512
#: For DuckDB, per drawing; with it the store lets a command of ours use every core.
_MEMORY: Final = "512MB"
#: The longest that a page's question may take, and that writers find the file in use because of it: what they bring
#: lies beside the file meanwhile.
LIMIT_S: Final = 20.0
#: While calls arrive, a part that draws itself again asks at most this share of the time.
_SHARE: Final = 0.25


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came of a question: when, about which state of the store, and in how many seconds."""

    at: float
    state: Hashable
    took_s: float
    value: Any


_stores: Final[dict[Path, firsttoken.store.Store]] = {}
_answers: OrderedDict[Hashable, _Answer] = OrderedDict()
_lock = threading.Lock()
_drawing: ContextVar[Reader | None] = ContextVar("drawing", default=None)


def opened(path: Path | None = None) -> firsttoken.store.Store:
    """The store that the command was started with, or the one at `path`. Raises StoreError where its place is none.

    One for all drawings: each store makes a DuckDB of its own to take in what waits, and looks for what is too old.
    """
    store = firsttoken.store.open(path, memory_limit=_MEMORY)
    return _stores.setdefault(store.path, store)


@contextmanager
def page() -> Generator[Reader]:
    """One reader for a whole drawing of a page, which its parts share: opening takes longer than most questions.

    Raises StoreError where the store's place is none.
    """
    with Reader(opened()) as reader:
        token = _drawing.set(reader)
        try:
            yield reader
        finally:
            _drawing.reset(token)


@contextmanager
def part() -> Generator[Reader]:
    """The reader of the page that is being drawn; one of its own where a part draws itself again."""
    known = _drawing.get()
    if known is not None:
        yield known
        return
    with Reader(opened(), calm=True) as reader:
        yield reader


def state(path: Path) -> Hashable:
    """What changes whenever the store does: its file and the outbox beside it, by size and time."""
    found: list[tuple[str, int, int]] = []
    for file in sorted(path.parent.glob(f"{path.name}*")):
        try:
            told = file.stat()
        except FileNotFoundError:  # a segment that was taken in just now
            continue
        if not file.name.endswith(".lock"):
            found.append((file.name, told.st_size, told.st_mtime_ns))
    return tuple(found)


class Reader:
    """Asks a store; a context manager for one drawing.

    A `calm` one, for parts that draw themselves again every second, takes an answer also when the store has changed,
    for three times as long as it took: what is quick is always fresh, and a long question is not asked without end.

    Raises what `Store.read` raises (StoreMissing, StoreBusy, StoreUnreadable) at the first question that needs it.
    """

    def __init__(self, store: firsttoken.store.Store, *, calm: bool = False) -> None:
        self.store = store
        self._patience = 1 / _SHARE - 1 if calm else 0.0
        self._state = state(store.path)
        self._answered = False
        self._opening_s = 0.0
        self._open = ExitStack()
        #: Whether the same drawing will come out otherwise soon, though the store stays as it is.
        self.unsettled = False
        self._con: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._con = None
        self._open.close()

    @property
    def state(self) -> Hashable:
        """The state of the store that this drawing's answers are about."""
        return self._state

    def ask(
        self,
        question: Callable[Concatenate[duckdb.DuckDBPyConnection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The question's answer; its connection has the view `priced_calls`. Answers are shared: do not change them.

        Raises StoreError also where the answer takes longer than LIMIT_S, or more memory than a page has.
        """

        def answered() -> T:
            with _bounded(self.connection()) as con:
                return question(con, *args, **kwargs)

        return self.remembered(
            (question.__module__, question.__qualname__, args, tuple(sorted(kwargs.items()))), answered
        )

    def remembered(self, key: Hashable, make: Callable[[], T], *, at_least_s: float = 0) -> T:
        """What `make` gave for this store in this state; for `at_least_s` seconds also if the store has changed."""
        whole = (str(self.store.path), key)
        began, opening_s = time.monotonic(), self._opening_s
        with _lock:
            kept = _answers.get(whole)
            if kept is not None and (
                kept.state == self._state or began - kept.at < max(at_least_s, self._patience * kept.took_s)
            ):
                _answers.move_to_end(whole)
                self._answered = True
                self.unsettled |= kept.state != self._state
                return cast("T", kept.value)
        answer = make()
        self._answered = True
        with _lock:
            now = time.monotonic()
            # Without the opening, which is long because of what waited beside the store: it says nothing of the next.
            took_s = now - began - (self._opening_s - opening_s)
            _answers[whole] = _Answer(now, self._state, took_s, answer)
            while len(_answers) > _KEPT:
                _answers.popitem(last=False)
        return answer

    def connection(self) -> duckdb.DuckDBPyConnection:
        """This drawing's connection, read-only, with prices attached; opened at the first call."""
        if self._con is None:
            began = time.monotonic()
            self._con = self._open.enter_context(self.store.read())
            self._settle()
            pricing.attach(self._con, pricing.load())
            self._opening_s += time.monotonic() - began
        return self._con

    def _settle(self) -> None:
        """Know the store by what opening it has made of it: the other parts would ask everything once more.

        Nobody writes while it is open, so the answers are about this state unless more waits beside it by now.
        """
        opened = state(self.store.path)
        if not self.store.outbox_fill():
            self.unsettled |= self._answered and opened != self._state
            self._state = opened


@contextmanager
def _bounded(con: duckdb.DuckDBPyConnection) -> Generator[duckdb.DuckDBPyConnection]:
    """Stop what takes too long, and say in words what went beyond its bounds."""
    import duckdb

    timer = threading.Timer(LIMIT_S, con.interrupt)
    timer.start()
    try:
        yield con
    except duckdb.InterruptException:
        raise StoreError(f"This took over {LIMIT_S:.0f} s: choose a shorter window, or one service.") from None
    except duckdb.OutOfMemoryException:
        raise StoreError(
            "These are more calls than a page has memory for: choose a shorter window, or one service."
        ) from None
    finally:
        timer.cancel()
