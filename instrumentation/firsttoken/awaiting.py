"""Who waits for a task: the way back to the application where a library made tasks of its coroutines.

`asyncio.gather` and its like run a coroutine in a task of its own, with none of its caller's frames on the stack. But
the caller waits, and a task knows what to call when it is done: the waiting task, a future that it waits for, or a
task group, which knows its own.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

#: Tasks of libraries, and coroutines of one task, that are followed at most.
MOST_TASKS = 16
MOST_COROUTINES = 200


def frames(task: Any, loop: FrameType | None) -> Iterator[FrameType]:
    """The frames that wait for `task`, nearest first; `loop` is the frame of the event loop that runs it.

    Whoever runs the loop waits too, where it runs until just this is done: a library's `run_sync`.
    """
    for _ in range(MOST_TASKS):
        waiter = _waiter(task, {id(task)})
        if waiter is None:
            break
        task = waiter
        yield from reversed(_suspended(task.get_coro()))
    if any(getattr(callback, "__name__", "") == "_run_until_complete_cb" for callback, _ in _callbacks(task)):
        while loop is not None:
            yield loop
            loop = loop.f_back


def _waiter(future: Any, seen: set[int]) -> Any:
    """The task that waits for `future`, directly or through other futures; None where nobody does."""
    for callback, _ in _callbacks(future):
        for held in (getattr(callback, "__self__", None), *_held_by(callback)):
            if id(held) in seen:  # `shield` has each of its two futures hold the other
                continue
            if isinstance(held, asyncio.Task):
                return held  # pyright: ignore[reportUnknownVariableType]
            if isinstance(held, asyncio.Future):
                seen.add(id(held))  # pyright: ignore[reportUnknownArgumentType]
                return _waiter(held, seen)
            parent = getattr(held, "_parent_task", None)  # asyncio.TaskGroup
            if parent is None:
                parent = getattr(getattr(held, "cancel_scope", None), "_host_task", None)  # anyio's
            if parent is not None:
                return parent
    return None


def _callbacks(future: Any) -> list[tuple[Any, Any]]:
    """What is to be called when `future` is done, each with its context."""
    return future._callbacks or []  # noqa: SLF001 - the one place where it is written


def _held_by(callback: Any) -> list[Any]:
    """What a callback has in its closure or its partial's arguments."""
    if isinstance(callback, partial):
        return list(callback.args)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    held: list[Any] = []
    for cell in getattr(callback, "__closure__", None) or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
    return held


def _suspended(coroutine: Any) -> list[FrameType]:
    """The frames of a suspended coroutine, from the outermost to the one that waits."""
    found: list[FrameType] = []
    for _ in range(MOST_COROUTINES):
        frame = next(
            (frame for name in ("cr_frame", "gi_frame", "ag_frame") if (frame := getattr(coroutine, name, None))), None
        )
        if frame is None:
            break
        found.append(frame)
        coroutine = next(
            (inner for name in ("cr_await", "gi_yieldfrom", "ag_await") if (inner := getattr(coroutine, name, None))),
            None,
        )
    return found
