"""The name of a service that nobody named: what its command line says it runs."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PARENT_SERVICE: Final = "FIRSTTOKEN_PARENT_SERVICE"
"""Set for child processes: those that `multiprocessing` spawns show no command line of their own."""

# Programs that run somebody's application: the application is what the service is called by.
_LAUNCHERS: Final = frozenset(
    {"celery", "daphne", "fastapi", "flask", "granian", "gunicorn", "hypercorn", "streamlit", "uvicorn"}
)
_APPLICATION: Final = re.compile(r"([A-Za-z_][\w.]*):[A-Za-z_][\w.]*(\(.*\))?")
_APP_OPTIONS: Final = frozenset({"-A", "--app"})


def name(argv: Sequence[str], orig_argv: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Name the service by `sys.argv` and `sys.orig_argv`; None where they do not tell (`python -c`, a prompt)."""
    program = argv[0] if argv else ""
    arguments = list(argv[1:])
    if program in {"-c", "-m"}:
        # The module or the code is what stands before the arguments, and may stick to its option: -Bmshop.
        run = orig_argv[-len(argv)]
        if program == "-c":
            return environ.get(PARENT_SERVICE) if "from multiprocessing." in run else None
        program = run.partition("m")[2] if run.startswith("-") else run
    elif program in {"", "-"}:
        return None
    else:
        program = _script(program)
    return _application(program, arguments) or program


def _script(path: str) -> str:
    """`/srv/shop/worker.py` is worker, `/srv/shop/__main__.py` is shop."""
    script = PurePath(path)
    return script.parent.name or script.stem if script.stem == "__main__" else script.stem


def _application(program: str, arguments: Sequence[str]) -> str | None:
    """Name what a launcher launches, where `program` is one."""
    if program.partition(".")[0] not in _LAUNCHERS:
        return None
    for before, argument in zip(("", *arguments), arguments, strict=False):
        option, _, value = argument.partition("=")
        if before in _APP_OPTIONS:
            return _module(argument)
        if option in _APP_OPTIONS and value:
            return _module(value)
        if _APPLICATION.fullmatch(argument):
            return _module(argument)
        if argument.endswith(".py"):
            return _script(argument)
    return None


def _module(application: str) -> str:
    return application.partition(":")[0].removesuffix(".py")
