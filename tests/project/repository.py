"""The repository's files, and its pyproject.toml, as a test reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT: Final = Path(__file__).parents[2]


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def pyproject() -> dict[str, Any]:
    return tomllib.loads(text("pyproject.toml"))


def files() -> list[Path]:
    """Every file of the project, without what was built or installed; as git sees it, where there is git."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
        timeout=60,
    )
    if listed.returncode == 0:
        names = sorted(set(listed.stdout.decode().split("\0")) - {""})
        return [ROOT / name for name in names if (ROOT / name).is_file()]
    built = {".venv", "dist", "build", "__pycache__", "node_modules"}
    return [
        path for path in sorted(ROOT.rglob("*")) if path.is_file() and not built & set(path.relative_to(ROOT).parts)
    ]
