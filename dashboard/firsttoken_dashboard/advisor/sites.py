"""Call sites: which line of the application made a call, and whether somebody waits there.

`firsttoken.toml` in the source root may say what traces do not::

    [sites]
    interactive = ["app/chat.py", "app/chat.py:answer"]
    jobs = ["jobs/*"]

A pattern is a path below the source root, with shell wildcards, and may name the function after a colon.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from firsttoken_dashboard import analysis
from firsttoken_dashboard.advisor.findings import Site

if TYPE_CHECKING:
    import duckdb

#: tomllib, or before Python 3.11 the package it came from.
_toml: Final[Any] = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")

SETTINGS: Final = "firsttoken.toml"
_CHANGED: Final = """
UPDATE places SET changed_at = $1
WHERE
    service IS NOT DISTINCT FROM $2
    AND file IS NOT DISTINCT FROM $3
    AND function IS NOT DISTINCT FROM $4
    AND parent IS NOT DISTINCT FROM $5
    AND prompt IS NOT DISTINCT FROM $6
"""


class SettingsError(Exception):
    """`firsttoken.toml` cannot be used; str() is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the user says about sites: patterns of those that somebody waits for, and of jobs."""

    interactive: Sequence[str] = ()
    jobs: Sequence[str] = ()

    def of(self, site: Site, source_root: Path | None) -> bool | None:
        """True: somebody waits; False: a job; None: nothing said. A job wins over a wider interactive pattern."""
        path = site.path(source_root)
        if path is None:
            return None
        names = (path, f"{path}:{site.function}")
        if any(fnmatchcase(name, pattern) for pattern in self.jobs for name in names):
            return False
        if any(fnmatchcase(name, pattern) for pattern in self.interactive for name in names):
            return True
        return None


def source_root(start: Path | None = None) -> Path:
    """The repository that holds `start` (default: the working directory), else `start` itself."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)


def declared(root: Path) -> Declared:
    """Read `firsttoken.toml` of the source root; without one nothing is declared. Raises SettingsError."""
    path = root / SETTINGS
    try:
        table: dict[str, object] = _toml.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Declared()
    except (OSError, ValueError) as error:  # not UTF-8 and not TOML are both ValueErrors
        message = f"{path} cannot be read as TOML: {error}."
        raise SettingsError(message) from error
    sites = table.get("sites", {})
    if not isinstance(sites, dict):
        message = f"{path}: [sites] must be a table."
        raise SettingsError(message)
    known = cast("dict[str, object]", sites)
    return Declared(*(_patterns(known, name, path) for name in ("interactive", "jobs")))


def _patterns(sites: Mapping[str, object], name: str, path: Path) -> list[str]:
    patterns = sites.get(name, [])
    if not isinstance(patterns, list) or not all(isinstance(one, str) for one in cast("list[object]", patterns)):
        message = f"{path}: sites.{name} must be a list of path patterns."
        raise SettingsError(message)
    return cast("list[str]", patterns)


def locate(
    con: duckdb.DuckDBPyConnection,
    window: analysis.Window,
    *,
    root: Path | None,
    said: Declared,
    changed: Mapping[Site, datetime] | None = None,
) -> dict[int, Site]:
    """The sites of the window's calls, by id.

    `changed` tells when the code of some was changed (UTC): `every_call` leaves out their calls before. Fills the
    temporary tables `located`, `places` and `audited_sites`, and makes the view `every_call`.
    """
    # No question here depends on the order in which calls came in; kept, only one core would fill the tables.
    con.execute("SET preserve_insertion_order = false")
    for question in ("around", "located", "places", "every_call"):
        analysis.rows(con, question, window, package=__package__ or "")
    found: list[tuple[Any, ...]] = analysis.rows(con, "site_list", window, package=__package__ or "")
    sites = {row[0]: Site(*row[1:7]) for row in found}
    con.execute("CREATE OR REPLACE TEMP TABLE audited_sites (site_id UBIGINT, declared BOOLEAN, streams BOOLEAN)")
    for site, moment in (changed or {}).items():
        con.execute(_CHANGED, [moment, site.service, site.file, site.function, site.parent, site.prompt])
    if found:
        con.executemany(
            "INSERT INTO audited_sites VALUES (?, ?, ?)",
            [(row[0], said.of(sites[row[0]], root), row[7]) for row in found],
        )
    return sites
