"""Making a new store, and bringing an older one forward."""

from __future__ import annotations

import time
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import StoreUnreadable

if TYPE_CHECKING:
    import duckdb

#: Version of `schema.sql`. A change adds `migrations/NNNN.sql`, which brings version NNNN - 1 to NNNN.
SCHEMA_VERSION: Final = 1


@cache
def sql(name: str) -> str:
    """The text of a .sql file of this package."""
    return resources.files(__package__ or "").joinpath(name).read_text(encoding="utf-8")


def ensure(connection: duckdb.DuckDBPyConnection, store: Path) -> None:
    """Makes the tables of a new store, or migrates those of an older version, in one transaction.

    Raises:
        StoreUnreadable: a newer firsttoken made it, or it is someone else's DuckDB file. It is left as it is.
    """
    version = stored_version(connection, store)
    if version == SCHEMA_VERSION:
        return
    connection.begin()
    try:
        if version is None:
            connection.execute(sql("schema.sql"))
        else:
            for step in range(version + 1, SCHEMA_VERSION + 1):
                connection.execute(sql(f"migrations/{step:04}.sql"))
        # Not now(): DuckDB 1.4 cannot cast it, and a cast of it would be of the session's time zone.
        # Nor parameters: see `transfer`.
        now = f"make_timestamp_ns({time.time_ns()})"
        connection.execute(f"INSERT INTO schema_version VALUES ({SCHEMA_VERSION}, {now})")  # noqa: S608 - numbers
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def check_readable(connection: duckdb.DuckDBPyConnection, store: Path) -> None:
    """Raises StoreUnreadable where the tables are not those of this version (a writer migrates, a reader cannot)."""
    version = stored_version(connection, store)
    if version is None:
        raise StoreUnreadable(f"{store} holds nothing yet; run an application under firsttoken first.")
    if version < SCHEMA_VERSION:
        raise StoreUnreadable(
            f"{store} was made by an older firsttoken; run `firsttoken store rebuild` to bring it forward."
        )


def stored_version(connection: duckdb.DuckDBPyConnection, store: Path) -> int | None:
    """The schema version of an open store, or None for a file without tables.

    Raises:
        StoreUnreadable: it is newer than this firsttoken, or not one of ours.
    """
    import duckdb

    try:
        # All of it: with a result left unread, DuckDB 2.0 refuses `register`, and each batch would go to the outbox.
        (row,) = connection.execute("SELECT max(version) FROM schema_version").fetchall()
    except duckdb.CatalogException:
        row = connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE database_name = current_database()"
        ).fetchone()
        if row is not None and row[0]:
            raise StoreUnreadable(
                f"{store} is a DuckDB file of another program; choose another with --store PATH."
            ) from None
        return None
    version: int | None = row[0]
    if version is not None and version > SCHEMA_VERSION:
        raise StoreUnreadable(
            f"{store} was made by a newer firsttoken (schema {version}, this one knows {SCHEMA_VERSION}); "
            "upgrade with pip install -U firsttoken."
        )
    return version
