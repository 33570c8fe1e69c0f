"""Processes that an application starts: they are recorded too, and lose nothing at their end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import wrapt
from opentelemetry.instrumentation import auto_instrumentation

from firsttoken.ending import flush
from firsttoken.guard import guarded

if TYPE_CHECKING:
    from types import ModuleType


def record_programs() -> None:
    """Let Python programs that the application runs start as this one did.

    `opentelemetry-instrument` does that by a directory in PYTHONPATH; its older versions (0.51b0) take it out again.
    """
    directory = str(Path(auto_instrumentation.__file__).parent)
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    if directory not in paths:
        os.environ["PYTHONPATH"] = os.pathsep.join([directory, *paths])


def flush_forks() -> None:
    """Flush children that `multiprocessing` and Celery fork, which leave by `os._exit` and run no exit handlers."""
    for module, hook in (("multiprocessing.util", _flush_multiprocessing), ("celery.signals", _flush_celery)):
        # What a hook raises is raised into the application's import.
        wrapt.register_post_import_hook(lambda loaded, hook=hook: guarded("child processes", hook, loaded), module)


def _flush_multiprocessing(util: ModuleType) -> None:
    module = cast("Any", util)

    def in_child(_key: object) -> None:
        module.Finalize(None, flush, exitpriority=100)

    # Forgotten when its key is: a function of this module lives as long as the process.
    module.register_after_fork(flush_forks, in_child)


def _flush_celery(signals: ModuleType) -> None:
    """Celery's own multiprocessing runs no finalizers either, but tells that a worker process is about to end."""
    cast("Any", signals).worker_process_shutdown.connect(_at_end_of_worker, weak=False)


def _at_end_of_worker(**_told: object) -> None:
    flush()
