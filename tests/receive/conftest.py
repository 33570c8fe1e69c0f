"""A receiver over a fresh store, and clients that speak to it as strangers do."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firsttoken import store
from firsttoken.store import Store, StoreMissing
from firsttoken_dashboard.receive.server import Address, Receiver

ANY_PORT = Address("127.0.0.1", 0, 0)


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Running:
    """A receiver that listens, and its store."""

    receiver: Receiver
    store: Store

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.receiver.http_port}"

    @property
    def grpc(self) -> str:
        return f"127.0.0.1:{self.receiver.grpc_port}"

    def post(self, body: bytes, path: str = "/v1/traces", **headers: str) -> Answer:
        """POST a body; underscores of header names become dashes, the default type is protobuf."""
        sent = {"Content-Type": "application/x-protobuf"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return self.ask(urllib.request.Request(self.http + path, body, sent))

    def get(self, path: str) -> Answer:
        return self.ask(urllib.request.Request(self.http + path))

    def ask(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                return Answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, dict(error.headers), error.read())

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """Ask the store in SQL."""
        return rows(self.store, question)


def rows(opened: Store, question: str) -> list[tuple[Any, ...]]:
    with opened.read() as connection:
        return connection.execute(question).fetchall()


def stored(opened: Store, table: str = "spans") -> int:
    """How many rows a table has; 0 before there is a store."""
    try:
        return int(rows(opened, f"SELECT count(*) FROM {table}")[0][0])
    except StoreMissing:
        return 0


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Running]:
    """A receiver on free ports of loopback, without a token."""
    opened = store.open(tmp_path / "store.duckdb")
    with Receiver(opened, ANY_PORT) as listening:
        yield Running(listening, opened)
