"""`firsttoken dashboard`: the pages over the store, on this machine only."""

from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from importlib import resources
from typing import TYPE_CHECKING, Final

import uvicorn

import firsttoken.store
from firsttoken_dashboard.app import serving, theme
from firsttoken_dashboard.options import CommandError, add_store

if TYPE_CHECKING:
    import argparse

_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SERVER: Final[dict[str, str | bool | int]] = {
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "global.developmentMode": False,
    "logger.level": "warning",
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": 64,
    "server.runOnSave": False,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--store`, `--host`, `--port` and `--no-browser`."""
    add_store(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8501, help="the port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")


def run(args: argparse.Namespace) -> int:
    """Serve the pages until interrupted. Raises CommandError where the address cannot be had."""
    store = firsttoken.store.open(args.store)
    # The pages run in threads of this process and open the store by its default place.
    os.environ["FIRSTTOKEN_STORE"] = str(store.path)
    listener = bound(args.host, args.port)
    address = f"http://{'localhost' if args.host in _LOOPBACK else args.host}:{listener.getsockname()[1]}"
    _serve(listener, address, opens_browser=not args.no_browser)
    return 0


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on this address. Raises CommandError: it is taken, or not this machine's."""
    if host not in _LOOPBACK:
        raise CommandError(
            f"--host {host}: the pages have no login yet, so they are served to this machine only; "
            "reach them from elsewhere through an SSH tunnel."
        )
    if not 0 <= port <= 65535:
        raise CommandError(f"--port {port}: a port is a number from 0 to 65535.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    if sys.platform != "win32":  # there it would let two processes share the port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except PermissionError:
        listener.close()
        raise CommandError(f"port {port} is not for ordinary users: choose one above 1023 with --port.") from None
    except OSError:
        listener.close()
        raise CommandError(f"port {port} is in use: choose another with --port, or --port 0 for a free one.") from None
    return listener


def _serve(listener: socket.socket, address: str, *, opens_browser: bool) -> None:
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from streamlit import config
    from streamlit.starlette import App

    for name, value in {**_SERVER, **theme.OPTIONS}.items():
        config.set_option(name, value)
    with resources.as_file(resources.files(__package__ or "").joinpath("main.py")) as script:
        app = App(
            script,
            middleware=[
                Middleware(TrustedHostMiddleware, allowed_hosts=serving.HOSTS),
                Middleware(serving.KnownBackend),
            ],
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", ws_max_size=2**26))
        print(f"firsttoken dashboard: {address}  (stop with Ctrl+C)", flush=True)
        if opens_browser:
            threading.Timer(0.8, webbrowser.open, [address]).start()
        server.run(sockets=[listener])
