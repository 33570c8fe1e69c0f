"""An application in a directory of its own, environments beside the tests' own, and a collector."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.starting.application import Application
from tests.starting.collector import Collector
from tests.starting.environments import environment_with


@pytest.fixture
def application(tmp_path: Path) -> Application:
    directory = tmp_path / "application"
    directory.mkdir()
    return Application(directory, tmp_path / "store.duckdb")


@pytest.fixture(scope="session")
def with_stock_distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that also has opentelemetry-distro."""
    distribution = f"opentelemetry-distro=={version('opentelemetry-instrumentation')}"
    return environment_with(tmp_path_factory.mktemp("environment") / "stock", distribution)


@pytest.fixture(scope="session")
def with_gunicorn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that also has gunicorn, and its uvicorn workers."""
    return environment_with(tmp_path_factory.mktemp("environment") / "gunicorn", "gunicorn>=23", "uvicorn-worker>=0.3")


@pytest.fixture(scope="session")
def with_celery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment that also has Celery."""
    return environment_with(tmp_path_factory.mktemp("environment") / "celery", "celery>=5.4")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with closing(Collector()) as running:
        yield running
