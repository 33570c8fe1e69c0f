"""The token that opens the pages from other addresses: asked for once, then a cookie until the command ends."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, quote, urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

#: Tells nothing, and is what a container's health check asks for.
_OPEN: Final = "/_stcore/health"
_COOKIE: Final = "firsttoken_session"
_LARGEST: Final = 4096
#: What a wrong token costs, so that guessing is slow.
_PAUSE_S: Final = 0.5
_POLICY: Final = b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'"
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><meta name="color-scheme" content="light dark"><title>firsttoken: sign in</title><style>
body { font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0; }
body { background: light-dark(#fff, #0f1316); color: light-dark(#1a1f24, #e4e9ed); }
main { width: min(22rem, 88vw); } h1 { font-size: 1.4rem; margin: 0 0 .3rem; } p { margin: .3rem 0 1rem; }
input, button { box-sizing: border-box; width: 100%; font: inherit; padding: .55rem .7rem; border-radius: .5rem; }
input { border: 1px solid light-dark(#6b7680, #7c8791); background: transparent; color: inherit; }
input { margin: .3rem 0 .8rem; }
button { border: 0; background: light-dark(#0f766e, #2fb8a8); color: light-dark(#fff, #0f1316); font-weight: 600; }
.wrong { color: light-dark(#b42318, #ff8a7a); }
</style></head><body><main><h1>firsttoken</h1><p>These pages ask for the token that the dashboard was started with.</p>
<form method="post"><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button></form>{told}</main></body></html>"""


class Login:
    """ASGI middleware that lets nothing through, files and WebSockets included, before the token was given."""

    def __init__(self, app: ASGIApp, *, token: str) -> None:
        self.app = app
        self._token = _digest(token)
        self._session = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan" or (kind == "http" and scope["path"] == _OPEN):
            await self.app(scope, receive, send)
        elif kind == "http":
            await self._http(scope, receive, send)
        elif self._known(scope) and _same_origin(scope):
            # The origin was judged here; Streamlit would otherwise ask somebody else for this machine's address.
            told = [pair for pair in scope["headers"] if pair[0] != b"origin"]
            await self.app({**scope, "headers": told}, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "sign in first"})

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._known(scope):
            await self.app(scope, receive, send)
        elif scope["method"] != "POST":
            await _answer(send, 401, _PAGE.replace("{told}", ""))
        elif self._right(await _form_token(receive)):
            cookie = f"{_COOKIE}={self._session}; Path=/; HttpOnly; SameSite=Lax"
            if scope.get("scheme") == "https":
                cookie += "; Secure"
            await _answer(send, 303, "", [(b"location", _here(scope)), (b"set-cookie", cookie.encode())])
        else:
            await asyncio.sleep(_PAUSE_S)
            told = '<p class="wrong" role="alert">That is not the token.</p>'
            await _answer(send, 401, _PAGE.replace("{told}", told))

    def _right(self, given: str) -> bool:
        return hmac.compare_digest(_digest(given), self._token)

    def _known(self, scope: Scope) -> bool:
        for name, value in scope["headers"]:
            if name == b"cookie" and hmac.compare_digest(_cookie(value), self._session.encode()):
                return True
        return False


def _digest(token: str) -> bytes:
    """Of one length whatever the token's, so that a comparison tells nothing of it."""
    return hashlib.sha256(token.encode()).digest()


def _cookie(header: bytes) -> bytes:
    try:
        morsel = SimpleCookie(header.decode("latin-1")).get(_COOKIE)
    except CookieError:
        return b""
    return b"" if morsel is None else morsel.value.encode()


def _same_origin(scope: Scope) -> bool:
    """Whether a WebSocket is opened by a page from here: a browser sends the cookie from other pages too."""
    headers = dict(scope["headers"])
    origin: bytes | None = headers.get(b"origin")
    return origin is None or urlsplit(origin.decode("latin-1")).netloc.encode("latin-1") == headers.get(b"host")


async def _form_token(receive: Receive) -> str:
    """The form's token; empty where there is none or the form is larger than any of ours."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return ""
        body += message.get("body", b"")
        if len(body) > _LARGEST:
            return ""
        if not message.get("more_body"):
            return parse_qs(body.decode("latin-1"), max_num_fields=4).get("token", [""])[0]


def _here(scope: Scope) -> bytes:
    """The address that was asked for, without its host; never one that a browser reads as another host's."""
    path = quote(scope["path"].lstrip("/\\"))
    query = scope.get("query_string", b"")
    return b"/" + path.encode() + (b"?" + query if query else b"")


async def _answer(send: Send, status: int, body: str, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    told = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
        (
            b"content-security-policy",
            b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'",
        ),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*told, *(headers or [])]})
    await send({"type": "http.response.body", "body": body.encode()})
