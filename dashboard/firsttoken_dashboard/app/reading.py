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
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar, cast

import firsttoken.store
from firsttoken_dashboard import pricing

if TYPE_CHECKING:
    import duckdb
    from typing_extensions import Self

P = ParamSpec("P")
T = TypeVar("T")

_KEPT: Final = 512
#: For DuckDB, per drawing; with it the store lets a command of ours use every core.
_MEMORY: Final = "512MB"
_answers: OrderedDict[Hashable, tuple[float, Hashable, Any]] = OrderedDict()
_lock = threading.Lock()
_drawing: ContextVar[Reader | None] = ContextVar("drawing", default=None)


def opened(path: Path | None = None) -> firsttoken.store.Store:
    """The store that the command was started with, or the one at `path`. Raises StoreError where its place is none."""
    return firsttoken.store.open(path, memory_limit=_MEMORY)


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
    with Reader(opened()) as reader:
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

    Raises what `Store.read` raises (StoreMissing, StoreBusy, StoreUnreadable) at the first question that needs it.
    """

    def __init__(self, store: firsttoken.store.Store) -> None:
        self.store = store
        self._state = state(store.path)
        self._open = ExitStack()
        self._con: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._con = None
        self._open.close()

    @property
    def state(self) -> Hashable:
        """The store's state at the beginning of this drawing."""
        return self._state

    def ask(
        self,
        question: Callable[Concatenate[duckdb.DuckDBPyConnection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The question's answer; its connection has the view `priced_calls`. Answers are shared: do not change them."""
        return self.remembered(
            (question.__module__, question.__qualname__, args, tuple(sorted(kwargs.items()))),
            lambda: question(self.connection(), *args, **kwargs),
        )

    def remembered(self, key: Hashable, make: Callable[[], T], *, at_least_s: float = 0) -> T:
        """What `make` gave for this store in this state; for `at_least_s` seconds also if the store has changed."""
        whole = (str(self.store.path), key)
        now = time.monotonic()
        with _lock:
            kept = _answers.get(whole)
            if kept is not None and (kept[1] == self._state or now - kept[0] < at_least_s):
                _answers.move_to_end(whole)
                return cast("T", kept[2])
        answer = make()
        with _lock:
            _answers[whole] = (time.monotonic(), self._state, answer)
            while len(_answers) > _KEPT:
                _answers.popitem(last=False)
        return answer

    def connection(self) -> duckdb.DuckDBPyConnection:
        """This drawing's connection, read-only, with prices attached; opened at the first call."""
        if self._con is None:
            self._con = self._open.enter_context(self.store.read())
            pricing.attach(self._con, pricing.load())
        return self._con
