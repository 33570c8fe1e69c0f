"""What a writer that was killed leaves in the file, and how it opens again.

DuckDB puts new metadata into the free parts of a block that holds the valid metadata too, and writes that block over
itself before the header says that the new is valid. A process that is killed meanwhile leaves a part of the block as
it was. All that the header refers to is the same before and after, so the block is as sound as ever but for its first
eight bytes, the checksum over all of it: without them the whole file counts as damaged.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import duckdb

#: Blocks of one file that are given another checksum at most; a dying process leaves one.
_MOST: Final = 16
#: DuckDB's words for a block whose checksum does not fit.
_MISFIT: Final = re.compile(r"computed checksum (\d+) does not match stored checksum (\d+) in block at location (\d+)")
#: Where the first block begins, and how long one is, in bytes.
_FIRST: Final = 3 * 4096
_BLOCK: Final = 256 * 1024


class Mending:
    """Gives blocks of one file the checksum of what they hold. The write lock is held."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._before: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._before)

    def mend(self, error: BaseException) -> bool:
        """Mends the block that DuckDB's `error` is about; False where it is about something else, or all was in vain.

        Whether the content is right too is for `check`, and `undo` where it is not.

        Raises:
            OSError: the file cannot be written.
        """
        misfit = _MISFIT.search(str(error))
        if misfit is None or len(self) == _MOST:
            return False
        computed, stored, location = (int(number) for number in misfit.groups())
        if location < _FIRST or (location - _FIRST) % _BLOCK:
            return False
        self._before.append((location, stored))
        self._write(location, computed)
        return True

    def undo(self) -> None:
        """Leaves the file as it was found. Raises OSError."""
        while self._before:
            self._write(*self._before.pop())

    def _write(self, location: int, checksum: int) -> None:
        with self._store.open("r+b") as file:
            file.seek(location)
            file.write(checksum.to_bytes(8, "little"))
            file.flush()
            os.fsync(file.fileno())


def check(connection: duckdb.DuckDBPyConnection) -> None:
    """Reads all metadata of the attached store, most of which DuckDB else reads when it needs it.

    Raises:
        duckdb.Error: a part of it is damaged.
    """
    tables = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'store'").fetchall()
    for (table,) in tables:
        name = '"' + str(table).replace('"', '""') + '"'
        connection.execute(f"SELECT count(*) FROM {name}").fetchall()  # noqa: S608 - quoted
        text = name.replace("'", "''")
        connection.execute(f"SELECT count(*) FROM pragma_storage_info('{text}')").fetchall()  # noqa: S608
