"""The look-alike itself: a thread with its own event loop, the API's paths, and a record of each request."""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from firsttoken_dashboard.demo.api import messages
from firsttoken_dashboard.demo.api.behaviour import Behaviour, Schedules, from_headers
from firsttoken_dashboard.demo.api.cache import PromptCache
from firsttoken_dashboard.demo.api.errors import ApiError
from firsttoken_dashboard.demo.api.http import Reply, Request, Server
from firsttoken_dashboard.demo.api.limits import Limits, RateLimiter
from firsttoken_dashboard.demo.api.lookups import Lookups
from firsttoken_dashboard.demo.api.plan import Engine
from firsttoken_dashboard.demo.api.records import Record

if TYPE_CHECKING:
    from typing_extensions import Self

ORGANIZATION_ID: Final = "5f0c2c7e-0000-4000-8000-51b01a7ed000"
WORKSPACE_ID: Final = "wrkspc_simulated"

_Headers: TypeAlias = list[tuple[str, str]]


class LookAlike:
    """A Claude Messages API on loopback.

    Use it as a context manager, or `start()` and `stop()`. `default` holds for every request that says nothing else;
    `time_scale` K lets cache entries live, and rate limits fill up, K times faster. `start()` raises OSError where the
    port is taken.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        port: int = 0,
        time_scale: float = 1.0,
        default: Behaviour | None = None,
        keep_bodies: bool = False,
    ) -> None:
        """Port 0 is any free one; `keep_bodies` keeps the requests' bytes in the records."""
        self.default = default or Behaviour()
        self.records: list[Record] = []
        """Every request since the start or the last `clear()`, in the order of their arrival."""
        self.failures: list[Exception] = []
        """Faults of the look-alike itself, which the client saw as a closed connection; tests end by looking here."""
        self._port = port
        self._keep_bodies = keep_bodies
        self._engine = Engine(seed, PromptCache(time_scale), RateLimiter(time_scale))
        self._schedules = Schedules()
        self._lookups = Lookups(self._engine)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="look-alike", daemon=True)
        self._server = Server(self._handle)
        self.url = ""

    def start(self) -> Self:
        """Listen; returns itself."""
        self._thread.start()
        try:
            listening = self._server.listen("127.0.0.1", self._port)
            port = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        except OSError:
            self._end_thread()
            raise
        self.url = f"http://127.0.0.1:{port}"
        return self

    def stop(self) -> None:
        """Close all connections and end the thread."""
        asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result()
        self._end_thread()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def behave(self, api_key: str, *steps: Behaviour, then: Behaviour | None = None) -> None:
        """Give a key a schedule: each of its next attempts takes one of `steps`, later ones all get `then`."""
        self._on_loop(lambda: self._schedules.set(api_key, list(steps), then or Behaviour()))

    def limit(self, api_key: str, limits: Limits) -> None:
        """Give a key rate limits of its own."""
        self._on_loop(lambda: self._engine.limiter.set(api_key, limits))

    def clear(self) -> None:
        """Forget records, schedules, limits and cached prompts."""

        def forget() -> None:
            self.records.clear()
            self._schedules.clear()
            self._engine.clear()

        self._on_loop(forget)

    def settle(self, timeout_s: float = 2.0) -> list[Record]:
        """The records once nothing is under way any more. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while any(record.ended_at is None for record in self.records):
            if time.monotonic() > deadline:
                raise TimeoutError("the look-alike still answers a request")
            time.sleep(0.002)
        return list(self.records)

    async def _handle(self, request: Request, reply: Reply) -> None:
        record = self._record(request)
        headers: _Headers = [
            ("request-id", record.request_id),
            ("anthropic-organization-id", ORGANIZATION_ID),
            ("anthropic-workspace-id", WORKSPACE_ID),
        ]
        try:
            await self._route(request, record, headers, reply)
        except ApiError as error:
            record.status, record.error_type = error.status, error.type
            record.headers_sent_at = record.ended_at = time.monotonic()
            if error.retry_after_s is not None:
                headers.append(("retry-after", f"{error.retry_after_s:g}"))
            headers.append(("content-type", "application/json"))
            reply.send(error.status, headers, error.body(record.request_id))
        except asyncio.CancelledError:
            record.client_left = True
            record.ended_at = time.monotonic()
            raise
        except Exception as error:
            self.failures.append(error)
            raise
        finally:
            record.bytes_sent = reply.bytes_sent

    async def _route(self, request: Request, record: Record, headers: _Headers, reply: Reply) -> None:
        if not record.api_key:
            raise ApiError(401)
        try:
            behaviour = from_headers(request.headers).over(self._schedules.take(record.api_key).over(self.default))
        except ValueError as error:
            raise ApiError(400, str(error)) from error
        if (request.method, request.path) == ("POST", "/v1/messages"):
            await messages.create(self._engine, record, request.body, behaviour, headers, reply)
            return
        content_type, body = self._lookups.answer(request, record)
        record.status = 200
        record.headers_sent_at = record.ended_at = time.monotonic()
        reply.send(200, [*headers, ("content-type", content_type)], body)

    def _record(self, request: Request) -> Record:
        number = len(self.records) + 1
        key = request.headers.get("x-api-key") or request.headers.get("authorization", "").removeprefix("Bearer ")
        digest = hashlib.blake2b(f"{self._engine.seed}/{number}".encode(), digest_size=12).hexdigest()
        record = Record(
            number=number,
            method=request.method,
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=request.body if self._keep_bodies else b"",
            bytes_received=request.head_bytes + len(request.body),
            api_key=key,
            connection=request.connection,
            place=request.place,
            first_byte_at=request.first_byte_at,
            received_at=request.received_at,
            request_id=f"req_{digest}",
            attempt=int(request.headers.get("x-stainless-retry-count", "0")),
        )
        self.records.append(record)
        return record

    def _end_thread(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _on_loop(self, action: Callable[[], None]) -> None:
        async def run() -> None:
            action()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()
