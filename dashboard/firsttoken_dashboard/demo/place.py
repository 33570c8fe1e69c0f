"""Where the demo keeps what it makes: its own store and the applications' source, never the user's default store."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firsttoken import store as stores
from firsttoken.store.location import resolve, user_data_directory
from firsttoken_dashboard.options import CommandError

FOLDER: Final = "demo"
FILE_NAME: Final = "firsttoken-demo.duckdb"
_ALL_SIMULATED: Final = """
    SELECT count(*) = 0 FROM spans WHERE (resource ->> '$."firsttoken.simulated"') IS DISTINCT FROM 'true'
"""


@dataclass(frozen=True, slots=True)
class Place:
    """The demo's store, and the folder of the applications it runs."""

    store: Path
    apps: Path


def place(location: str | None) -> Place:
    """Where `--store` says, else in a folder of its own beside the default store. Raises StoreError."""
    if location is not None:
        store = resolve(location)
        return Place(store, store.with_name(f"{store.stem}-apps"))
    try:
        beside = resolve().parent
    except stores.StoreOff:
        beside = user_data_directory()
    return Place(beside / FOLDER / FILE_NAME, beside / FOLDER / "apps")


def clear(at: Place) -> None:
    """Remove what an earlier demo left there.

    Raises:
        CommandError: the store holds calls that no demo made.
        StoreError: the file is no store.
    """
    if at.store.exists():
        with stores.open(at.store).read() as connection:
            row = connection.execute(_ALL_SIMULATED).fetchone()
        if not (row and row[0]):
            raise CommandError(
                f"{at.store} holds calls of a real application, which the demo would mix with its own: "
                "give it another --store, or none."
            )
    for path in at.store.parent.glob(f"{at.store.name}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def seal(at: Place, began_ns: int) -> None:
    """Add the demo's own span.

    Raises:
        StoreError: the store cannot be written.
    """
    span = stores.SpanRecord(
        trace_id=secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        parent_span_id=None,
        name="firsttoken demo",
        kind="INTERNAL",
        start_time=began_ns,
        end_time=time.time_ns(),
        status_code="UNSET",
        status_message=None,
        scope_name="firsttoken",
        scope_version=None,
        service_name="firsttoken-demo",
        resource='{"service.name": "firsttoken-demo", "firsttoken.simulated": "true"}',
        attributes="{}",
        events="[]",
        links="[]",
    )
    stores.open(at.store).append([span])
