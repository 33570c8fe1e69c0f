"""Which client object a call belongs to, and what httpx's `trace` extension tells of its connection and attempts."""

from __future__ import annotations

import uuid
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import ref

from firsttoken import attributes as a
from firsttoken.guard import fault
from firsttoken.response import retry_after_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from opentelemetry.util.types import AttributeValue

    from firsttoken.call import Call

#: The API's error type of a status, where its body was not read (the SDK reads only the last attempt's).
_TYPE_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ClientIdentity:
    """One HTTP client object: clients made by `with_options` share it, because they share its connections."""

    __slots__ = ("_forgotten", "calls", "construction_s", "id")

    def __init__(self, http_client: Any) -> None:
        # Not a WeakKeyDictionary: that makes a reference and calls a hash in Python for each look at it.
        # What is called when the client is gone gets the dead reference too: `pop` takes it for its default.
        self._forgotten = ref(http_client, partial(_identities.pop, id(http_client)))
        self.id = uuid.uuid4().hex[:16]
        self.calls = 0
        self.construction_s: float | None = None


#: By the `id` of the HTTP client, for as long as that lives.
_identities: dict[int, ClientIdentity] = {}


def identity_of(client: Any) -> ClientIdentity:
    """The identity of the HTTP client inside an SDK client."""
    http_client = client._client  # noqa: SLF001 - the SDK has no public name for it
    identity = _identities.get(id(http_client))
    return _identities.setdefault(id(http_client), ClientIdentity(http_client)) if identity is None else identity


def constructed(client: Any, seconds: float) -> None:
    """Notes what making `client` took, unless it shares the HTTP client of an earlier one."""
    identity = identity_of(client)
    if identity.construction_s is None and identity.calls == 0:
        identity.construction_s = seconds


class Attempt:
    """The clocks of one HTTP request, in `perf_counter`; what httpx did not tell is None.

    `observe` is called by httpx's transport for each step it takes. Transports other than httpcore's tell nothing.
    What most attempts never have stands as the class's, and is the attempt's own once it happens.
    """

    #: Whether the transport tells of its steps; `last` is then the time of the last one, else 0.
    traced = False
    last = 0.0
    connect_began: float | None = None
    connected: float | None = None
    when_headers: float | None = None
    exception: BaseException | None = None
    #: The HTTP status that answered it, and the headers as they were sent.
    status: int | None = None
    headers: Iterable[tuple[bytes, bytes]] | None = None

    def __init__(self, call: Call, body: bytes) -> None:
        self.started = perf_counter()
        # Until it is sent: what holds an attempt, httpx's garbage among it, must not hold the call and the body.
        self._call: Call | None = call
        self._body = body

    def observe(self, event: str, info: Mapping[str, Any]) -> None:
        """One step of httpcore's: `{part}.{step}.{started|complete|failed}`."""
        if event in _SILENT:
            return
        try:
            step = _STEPS.get(event) or _learned(event)
            if step == _NOTHING:
                return
            self.last = now = perf_counter()
            if step == _FAILED:
                self.exception = info.get("exception")
                return
            self.traced = True
            if step == _SENT:
                self.finish_sending()
            elif step == _HEADERS:
                self.when_headers = now
                head = info["return_value"]
                # Of HTTP/1.1 it is (version, status, reason, headers), of HTTP/2 (status, headers).
                self.status, self.headers = head[1 if len(head) > 2 else 0], head[-1]
            elif step == _CONNECTING:
                if self.connect_began is None:
                    self.connect_began = now
            elif step == _CONNECTED:
                self.connected = now
        except Exception:  # noqa: BLE001
            fault("the transport's trace")

    def finish_sending(self) -> None:
        """The request went out; a transport that tells nothing has sent it when the answer comes."""
        call = self._call
        if call is not None:
            body, self._call, self._body = self._body, None, b""
            call.sent(body)

    @property
    def failed(self) -> bool:
        return self.exception is not None or (self.status is not None and self.status >= 400)

    def ended(self, status: int | None, headers: Any = None, error: BaseException | None = None) -> None:
        """The attempt failed just now: all that is known of it where the transport told nothing."""
        if not self.traced:
            self.last = perf_counter()
            self.status, self.headers, self.exception = status, headers, error

    def failure(self, error_type: str | None) -> dict[str, AttributeValue]:
        """What the `firsttoken.attempt` event says of an attempt that failed; its `error_type`, where one is known."""
        told: dict[str, AttributeValue] = {}
        if self.last > self.started:
            told[a.ATTEMPT_DURATION] = self.last - self.started
        status = self.status
        if status is not None:
            told[a.HTTP_STATUS_CODE] = status
            error_type = error_type or _TYPE_OF_STATUS.get(status, str(status))
            seconds = retry_after_s(self.headers or ())
            if seconds is not None:
                told[a.ATTEMPT_RETRY_AFTER] = seconds
        elif error_type is None and self.exception is not None:
            error_type = "client_timeout_error" if "Timeout" in type(self.exception).__name__ else "connection_error"
        if error_type is not None:
            told[a.ERROR_TYPE] = error_type
        return told

    @property
    def connection_s(self) -> float | None:
        """Seconds to open the connection (TCP and TLS); None where none was opened or nobody told."""
        if self.connect_began is None or self.connected is None:
            return None
        return self.connected - self.connect_began


_NOTHING, _FAILED, _HEADERS, _SENT, _CONNECTING, _CONNECTED, _CLOSED = range(7)
#: Of each step what it tells; failures are added as they are seen.
_STEPS = {
    **{f"{http}.receive_response_headers.complete": _HEADERS for http in ("http11", "http2")},
    **{f"{http}.send_request_body.complete": _SENT for http in ("http11", "http2")},
    **{f"{http}.response_closed.complete": _CLOSED for http in ("http11", "http2")},
    **{
        f"{part}.{step}.{phase}": kind
        for part in ("connection", "http_proxy", "socks_proxy", "proxy", "socks")
        for step in ("connect_tcp", "connect_unix_socket", "setup_socks5_connection", "start_tls")
        for phase, kind in (("started", _CONNECTING), ("complete", _CONNECTED))
    },
}
#: The rest of httpcore's, a few dozen that tell nothing, as they are seen.
_SILENT: set[str] = set()


def _learned(event: str) -> int:
    """What a step tells that was not seen before."""
    if event.endswith(".failed"):
        _STEPS[event] = _FAILED
        return _FAILED
    _SILENT.add(event)
    return _NOTHING


def trace_after(attempt: Attempt, theirs: Any) -> Callable[[str, Any], Any]:
    """The `trace` extension that tells `attempt`, after the application's own."""

    def trace(event: str, info: Any) -> Any:
        result = theirs(event, info)
        attempt.observe(event, info)
        return result

    return trace


def trace_async(attempt: Attempt, theirs: Any) -> Callable[[str, Any], Any]:
    """The same for the async transports, which await it; `theirs` is None where the application has none."""
    observe = attempt.observe
    if theirs is None:

        async def trace(event: str, info: Any) -> None:
            observe(event, info)

    else:

        async def trace(event: str, info: Any) -> None:
            await theirs(event, info)
            observe(event, info)

    return trace
