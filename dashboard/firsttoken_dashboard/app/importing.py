"""A file of spans that the reader hands over, put into the store by `firsttoken import`, within bounds."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

#: A file's size, packed and unpacked: what is larger is for the command line, which reads it piece by piece.
MOST_MB: Final = 64
_MOST: Final = MOST_MB * 2**20
_LONGEST_S: Final = 120.0
_GZIP: Final = b"\x1f\x8b"


class ImportRefused(Exception):  # noqa: N818 - an answer to the reader
    """The file was not taken, or not whole; str() says why."""


def take(store: Path, name: str, data: bytes) -> str:
    """Put the file's spans into the store; what the command says of it. Raises ImportRefused."""
    if len(data) > _MOST:
        raise ImportRefused(_too_large(name))
    plain = _unpacked(name, data) if data.startswith(_GZIP) else data
    harmless = re.sub(r"[^\w.-]", "_", name)[-80:].lstrip("-.") or "file"
    with tempfile.TemporaryDirectory(prefix="firsttoken-") as folder:
        file = Path(folder, harmless)
        file.write_bytes(plain)
        # In a process of its own: what a file takes to read, this server does not keep.
        command = [sys.executable, "-m", "firsttoken_dashboard.cli", "import", str(file), "--store", str(store)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
        except subprocess.TimeoutExpired:
            raise ImportRefused(
                f"{harmless} took over {_LONGEST_S:.0f} s; what came before is stored. Use `firsttoken import`."
            ) from None
        told = "\n".join(part.strip() for part in (done.stdout, done.stderr) if part.strip())
        told = told.replace(f"{folder}/", "").removeprefix("firsttoken import: ")
    if done.returncode:
        raise ImportRefused(told or "The file was not taken.")
    return told


def _unpacked(name: str, data: bytes) -> bytes:
    """A gzip file's content, read no further than the bound."""
    try:
        plain = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_MOST + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ImportRefused(f"{name} cannot be unpacked: {error}.") from None
    if len(plain) > _MOST:
        raise ImportRefused(_too_large(name))
    return plain


def _too_large(name: str) -> str:
    return f"{name} is over {MOST_MB} MB, unpacked: use `firsttoken import`, which reads it piece by piece."
