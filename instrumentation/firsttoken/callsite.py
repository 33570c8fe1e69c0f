"""The application's line that called: the first frame that is neither the SDK, nor ours, nor an installed library."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import sysconfig
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from firsttoken import awaiting
from firsttoken.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Site(NamedTuple):
    """A line of the application: absolute file, line number, qualified function name (bare before Python 3.11)."""

    file: str
    line: int
    function: str


_OURS = f"{Path(__file__).resolve().parent}{os.sep}"
_LIBRARY_ROOTS = frozenset({"anthropic", "wrapt", "opentelemetry"})
_STDLIB = tuple({os.path.realpath(sysconfig.get_paths()[key]) + os.sep for key in ("stdlib", "platstdlib")})
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
# A frame of the event loop: what stands above it started the loop, and did not make the call.
_LOOP_FILES = tuple(f"{os.sep}asyncio{os.sep}{name}.py" for name in ("events", "base_events", "runners"))

# The file that a Jupyter kernel makes up for a cell, of its process id, which is another tomorrow, and the cell's hash.
_CELL = re.compile(r"ipykernel_\d+[/\\](\d+)\.py$")

_LIBRARY, _LOOP, _APPLICATION = range(3)
#: Lines that have called are kept, by the identity of their code, which is kept too so that no other can have it.
_sites: dict[tuple[int, int], tuple[Site, CodeType]] = {}
#: More are forgotten at once.
MOST_SITES = 1024
_kinds: dict[str, int] = {}  # by file, because the hash of a code object is made anew each time, of all it holds
_origins: WeakKeyDictionary[Coroutine[Any, Any, Any], Site] = WeakKeyDictionary()


def find(skip: int = 1) -> Site | None:
    """The application's line on this thread's stack, `skip` frames up from here; None where the stack has none.

    A coroutine handed straight to `gather` or `create_task` runs without its caller on the stack: then the line
    that made the coroutine, where `remember` was told of it, else the application's line that waits for the task.
    """
    frame: FrameType | None = sys._getframe(skip)  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001 - the only way to a frame without building the whole stack
    known = _kinds.get
    while frame is not None:
        kind = known(frame.f_code.co_filename)
        if kind is None:
            kind = _kind_of(frame)
        if kind == _APPLICATION:
            return _site(frame)
        if kind == _LOOP:
            break
        frame = frame.f_back
    return guarded("a call site", _of_task, frame)


def remember(coroutine: Coroutine[Any, Any, Any]) -> None:
    """Notes the application's line that made `coroutine`, for as long as the coroutine lives."""
    site = find(2)
    if site is not None:
        _origins[coroutine] = site


def _of_task(loop: FrameType | None) -> Site | None:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        return None
    if task is None:
        return None
    origin = _origins.get(task.get_coro())  # type: ignore[arg-type]
    if origin is not None:
        return origin
    waiting = (frame for frame in awaiting.frames(task, loop) if _kind_of(frame) == _APPLICATION)
    return next(map(_site, waiting), None)


def _site(frame: FrameType) -> Site:
    code = frame.f_code
    place = (id(code), frame.f_lasti)
    known = _sites.get(place)
    if known is None:
        line = frame.f_lineno
        site = Site(_path(code.co_filename), line, getattr(code, "co_qualname", code.co_name))
        if len(_sites) >= MOST_SITES:  # an application that compiles code as it goes must not fill memory
            _sites.clear()
        _sites[place] = known = (site, code)
    return known[0]


def _path(name: str) -> str:
    if name.startswith("<"):
        return name
    cell = _CELL.search(name)
    if cell is not None:
        return f"{os.environ.get('JPY_SESSION_NAME') or '<notebook>'}#{cell[1]}"
    # The links on the way stay: it is the path that the user knows.
    return os.path.abspath(name)  # noqa: PTH100


def _kind_of(frame: FrameType) -> int:
    name = frame.f_code.co_filename
    kind = _kinds.get(name)
    if kind is not None:
        return kind
    kind = _kind(name, frame.f_globals.get("__name__"))
    if len(_kinds) > 10_000:  # an application that compiles code as it goes must not fill memory
        _kinds.clear()
    _kinds[name] = kind
    return kind


def _kind(filename: str, module: object) -> int:
    if module == "__main__":  # a script is the application's wherever it lies, also when installed
        return _APPLICATION
    if filename.startswith("<frozen"):
        return _LIBRARY
    if isinstance(module, str) and module.partition(".")[0] in _LIBRARY_ROOTS:
        return _LIBRARY
    path = os.path.realpath(filename)
    if path.endswith(_LOOP_FILES) or f"{os.sep}uvloop{os.sep}" in path:
        return _LOOP
    if path.startswith((_OURS, *_STDLIB)) or any(part in path for part in _INSTALLED):
        return _LIBRARY
    return _APPLICATION
