"""Tells open pages that the store has changed, as soon as it has: a page that waits for calls costs next to nothing.

Looking takes microseconds, drawing a part again milliseconds, in the server and in the browser.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Hashable
from typing import TYPE_CHECKING, Final

from firsttoken_dashboard.app import reading

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

#: Known only to who was drawn a page: WebSockets have no origin that is enforced.
PATH: Final = f"/changes/{secrets.token_urlsafe(16)}"
_LOOK_S: Final = 0.1


def name(state: Hashable) -> str:
    """What pages call this state of the store."""
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


async def tell(socket: WebSocket) -> None:
    """Send the state that the store is in, and each one that it comes to, until the page is closed."""
    await socket.accept()
    path = reading.opened().path
    # Pages say nothing: what is received is the end.
    closed = asyncio.ensure_future(socket.receive())
    told = None
    while not closed.done():
        state = reading.state(path)
        if state != told:
            told = state
            await socket.send_text(name(state))
        await asyncio.wait([closed], timeout=_LOOK_S)
