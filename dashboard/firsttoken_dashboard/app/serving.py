"""What stands between the browser and Streamlit: the host that may be asked for, and the address of the backend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Names by which this machine is asked for itself. Another name in the Host header is a page elsewhere that pretends
#: to live here (DNS rebinding), and would read the store.
HOSTS: Final = ["localhost", "127.0.0.1", "[::1]"]

# Streamlit's page otherwise guesses: at /calls it first asks /calls/_stcore/…, and each miss shows in the console.
_HINT: Final = b"<head><script>window.__streamlit={BACKEND_BASE_URL:location.origin+'/'}</script>"
#: The first page's name. Its address is the root, and Streamlit says of this one that there is no such page.
_FIRST: Final = "/overview"
_HEADERS: Final = [(b"x-frame-options", b"DENY"), (b"referrer-policy", b"no-referrer")]


class KnownBackend:
    """ASGI middleware that tells the page where its backend is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = scope.get("path", "").rpartition("/")[2]
        if scope["type"] != "http" or "_stcore" in scope["path"] or ("." in name and name != "index.html"):
            await self.app(scope, receive, send)
            return
        if scope["path"] == _FIRST:
            query = scope.get("query_string", b"")
            headers = [(b"location", b"/" + (b"?" + query if query else b"")), (b"content-length", b"0"), *_HEADERS]
            await send({"type": "http.response.start", "status": 307, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        # Compressed, the page could not be added to.
        plain = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]}
        await self.app(plain, receive, _Rewriter(send))


class _Rewriter:
    """Holds an HTML answer back until it is whole, adds to it, sends it on; anything else passes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = dict(message["headers"]).get(b"content-type", b"")
            if kind.startswith(b"text/html"):
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self._start)
            return
        await self._send(message)

    async def _finish(self, start: Message) -> None:
        body = self._body.replace(b"<head>", _HINT, 1)
        kept = [pair for pair in start["headers"] if pair[0] not in {b"content-length", b"etag", b"last-modified"}]
        headers = [*kept, *_HEADERS, (b"content-length", str(len(body)).encode())]
        await self._send({**start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
