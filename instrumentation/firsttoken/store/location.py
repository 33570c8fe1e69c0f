"""Where the store is: `--store`, `FIRSTTOKEN_STORE`, or the user's data directory."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import StoreError, StoreOff

ENVIRONMENT_VARIABLE = "FIRSTTOKEN_STORE"
FILE_NAME = "firsttoken.duckdb"


def resolve(location: str | os.PathLike[str] | None = None) -> Path:
    """The absolute path of the store: `location`, else `$FIRSTTOKEN_STORE`, else the platform's user data directory.

    A location is a path or a `duckdb:` or `file:` URI of one.

    Raises:
        StoreOff: the location is `off`.
        StoreError: the location is a URI of another kind.
    """
    text = os.fspath(location) if location is not None else os.environ.get(ENVIRONMENT_VARIABLE, "")
    if not text:
        return user_data_directory() / FILE_NAME
    if text.lower() == "off":
        raise StoreOff(f"The store is switched off ({ENVIRONMENT_VARIABLE}=off); unset it or pass --store PATH.")
    if "://" in text or text.startswith(("duckdb:", "file:")):
        uri = urlsplit(text)
        if uri.scheme not in {"duckdb", "file"} or uri.netloc not in {"", "localhost"}:
            # Not the URI itself: it may hold a password.
            raise StoreError(
                f"A store is a path of a DuckDB file or a duckdb:///path URI, and this {uri.scheme} URI is neither;"
                " pass --store PATH."
            )
        text = unquote(uri.path)
    # Resolved, because the lock lies beside the file: two names of one store must share it.
    return Path(text).expanduser().resolve()


def user_data_directory() -> Path:
    """The directory of the default store and of `hash.key`; it need not exist yet."""
    import platformdirs

    return Path(platformdirs.user_data_dir("firsttoken", appauthor=False))
