"""What can go wrong with a store. Every message is one sentence that says what to do."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot be used; `str()` is one sentence that says what to do."""


class StoreMissing(StoreError):  # noqa: N818 - the contract's names, and they read well
    """There is no store at this path yet."""


class StoreUnreadable(StoreError):  # noqa: N818
    """The file is there but is no store that this version reads: not DuckDB, corrupt, newer, or no permission."""


class StoreDamaged(StoreUnreadable):
    """It is a DuckDB file, but broken: a writer sets it aside and begins a new one."""


class StoreBusy(StoreError):  # noqa: N818
    """Another process holds the file, and kept it for longer than the caller waits."""


class StoreOff(StoreError):  # noqa: N818
    """`FIRSTTOKEN_STORE=off`: this process is not to use a store."""
