"""Processes that an application starts: they are recorded too, and lose nothing at their end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import wrapt
from opentelemetry.instrumentation import auto_instrumentation

from firsttoken.ending import flush

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
    """Flush children that `multiprocessing` forks, which leave by `os._exit` and run no exit handlers."""
    wrapt.register_post_import_hook(_flush_forks_of, "multiprocessing.util")
    wrapt.register_post_import_hook(_flush_forks_of, "billiard.util")  # Celery's multiprocessing


def _flush_forks_of(util: ModuleType) -> None:
    module = cast("Any", util)

    def in_child(_key: object) -> None:
        module.Finalize(None, flush, exitpriority=100)

    # Forgotten when its key is: a function of this module lives as long as the process.
    module.register_after_fork(flush_forks, in_child)
