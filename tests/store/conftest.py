"""A store in a directory of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from firsttoken import store as stores


@pytest.fixture
def store(tmp_path: Path) -> stores.Store:
    return stores.open(tmp_path / "store.duckdb")
