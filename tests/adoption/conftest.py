"""An application in a directory of its own, and the environments in which it meets other libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.starting.conftest import application
from tests.starting.environments import environment_with

__all__ = ["application"]


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """The programs of an environment that also has the packages that are named; made once for each set of them."""
    made: dict[tuple[str, ...], Path] = {}

    def programs(*packages: str) -> Path:
        if packages not in made:
            made[packages] = environment_with(tmp_path_factory.mktemp("environment") / "with", *packages)
        return made[packages]

    return programs
