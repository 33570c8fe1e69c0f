"""What the machine adds by itself: the same streams read without the SDK and without us.

`Probe` notes, beneath the SDK and httpx, when a read of the socket brought the first delta: what lies before that is
the machine's, what lies after it is httpx's, the SDK's and ours. `read` is a client of bare sockets.
"""

from __future__ import annotations

import json
import socket
import time
from typing import Any
from urllib.parse import urlsplit


class Probe:
    """Put around the network backend of a client's connections. Clocks are `time.monotonic()`; 0: nothing came yet."""

    def __init__(self) -> None:
        self.began()

    def began(self) -> None:
        """A call begins now."""
        self.headers_at = self.first_delta_at = self.first_text_at = 0.0

    def read(self, data: bytes) -> bytes:
        """A read has returned."""
        now = time.monotonic()
        self.headers_at = self.headers_at or now
        if not self.first_delta_at and b"content_block_delta" in data:
            self.first_delta_at = now
        if not self.first_text_at and b"text_delta" in data:
            self.first_text_at = now
        return data

    def into(self, client: Any) -> None:
        """Watch the connections that an SDK client opens from now on."""
        pool = client._client._transport._pool  # noqa: SLF001 - it has no public name
        pool._network_backend = _Backend(pool._network_backend, self)  # noqa: SLF001


class _Around:
    def __init__(self, inner: Any, probe: Probe) -> None:
        self._inner = inner
        self._probe = probe

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _Backend(_Around):
    def connect_tcp(self, *args: Any, **kwargs: Any) -> Any:
        made = self._inner.connect_tcp(*args, **kwargs)
        return _opened(made, self._probe) if hasattr(made, "__await__") else _Stream(made, self._probe)


async def _opened(opening: Any, probe: Probe) -> Any:
    return _AsyncStream(await opening, probe)


class _Stream(_Around):
    def read(self, *args: Any, **kwargs: Any) -> bytes:
        return self._probe.read(self._inner.read(*args, **kwargs))


class _AsyncStream(_Around):
    async def read(self, *args: Any, **kwargs: Any) -> bytes:
        return self._probe.read(await self._inner.read(*args, **kwargs))


class BareClient:
    """One kept connection and the least code that can read a stream: what any client on this machine would see."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.port is not None
        self._host = address.netloc
        self._socket = socket.create_connection((address.hostname, address.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, request: dict[str, Any]) -> tuple[str, float]:
        """The request's id, and when the read returned that brought the first delta."""
        told = {"x-api-key": "test", "host": self._host, **request["extra_headers"]}
        body = json.dumps({**{key: value for key, value in request.items() if key != "extra_headers"}, "stream": True})
        head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
        sent = f"POST /v1/messages HTTP/1.1\r\n{head}content-length: {len(body)}\r\n\r\n{body}"
        self._socket.sendall(sent.encode())
        seen, at = b"", 0.0
        while not seen.endswith(b"0\r\n\r\n"):
            data = self._socket.recv(65536)
            now = time.monotonic()
            seen += data
            if not at and b"content_block_delta" in data:
                at = now
        _, _, rest = seen.partition(b"request-id: ")
        return rest.partition(b"\r\n")[0].decode(), at

    def close(self) -> None:
        self._socket.close()
