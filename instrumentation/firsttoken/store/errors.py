"""What can go wrong with a store. Every message is one sentence that says what to do."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used; `str()` is one sentence that says what to do."""


class StoreMissing(StoreError):
    """There is no store at this path yet."""


class StoreUnreadable(StoreError):
    """The file is there but is no store that this version reads: not DuckDB, corrupt, newer, or no permission."""


class StoreBusy(StoreError):
    """Another process holds the file, and kept it for longer than the caller waits."""


class StoreOff(StoreError):
    """`FIRSTTOKEN_STORE=off`: this process is not to use a store."""
