"""`firsttoken dashboard`: the pages over the store, for this machine, and with a token for others."""

from __future__ import annotations

import errno
import os
import socket
import sys
import threading
import webbrowser
from importlib import resources
from typing import TYPE_CHECKING, Final

import uvicorn

import firsttoken.store
from firsttoken_dashboard.app import changes, exporting, importing, serving, theme
from firsttoken_dashboard.app.login import Login
from firsttoken_dashboard.options import CommandError, add_store

if TYPE_CHECKING:
    import argparse

TOKEN_VARIABLE: Final = "FIRSTTOKEN_DASHBOARD_TOKEN"  # noqa: S105 - its name, not its value
LOGIN_VARIABLE: Final = "FIRSTTOKEN_DASHBOARD_LOGIN"
#: A token shorter than this is guessed.
_SHORTEST: Final = 8
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_SERVER: Final[dict[str, str | bool | int]] = {
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "global.developmentMode": False,
    "logger.level": "warning",
    # After each drawing of a part it would go through every object of the process, for 0.1 s: Python does so by itself
    # when there is cause.
    "runner.postScriptGC": False,
    "server.fileWatcherType": "none",
    "server.headless": True,
    "server.maxUploadSize": importing.MOST_MB,
    "server.runOnSave": False,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare `--store`, `--host`, `--port`, `--token`, `--login` and `--no-browser`."""
    add_store(parser)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=8501, help="the port to listen on; 0 takes a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get(TOKEN_VARIABLE) or None,
        help=f"what a browser is asked for before it sees anything (default: ${TOKEN_VARIABLE}); "
        "needed on any host that others can reach",
    )
    parser.add_argument(
        "--login",
        metavar="WHO",
        default=os.environ.get(LOGIN_VARIABLE) or None,
        help="let browsers sign in with OpenID Connect, and these pass: addresses and @domains with commas between, or "
        f"`everybody` with an account at the provider (default: ${LOGIN_VARIABLE})",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")


def run(args: argparse.Namespace) -> int:
    """Serve the pages until interrupted. Raises CommandError where the address cannot be had."""
    _check(args.host, args.token, args.login)
    if args.login is not None:
        _demand_login(args.login)
    store = firsttoken.store.open(args.store)
    # The pages run in threads of this process and open the store by its default place.
    os.environ["FIRSTTOKEN_STORE"] = str(store.path)
    listener = bound(args.host, args.port)
    address = f"http://{'localhost' if args.host in _LOOPBACK else args.host}:{listener.getsockname()[1]}"
    _serve(listener, address, token=args.token, by_name=args.login is not None, opens_browser=not args.no_browser)
    return 0


def _check(host: str, token: str | None, login: str | None) -> None:
    """Refuse what would let others in without a login."""
    if token is None and login is None and host not in _LOOPBACK:
        raise CommandError(
            f"--host {host} can be reached by others: give a token with ${TOKEN_VARIABLE} or --token, "
            "which a browser is then asked for, or --login for OpenID Connect."
        )
    if token is not None and login is not None:
        raise CommandError("a token and --login are two ways to sign in: choose one.")
    if token is not None and len(token) < _SHORTEST:
        raise CommandError(f"a token of under {_SHORTEST} characters is guessed: make one with `openssl rand -hex 16`.")


def _demand_login(who: str) -> None:
    """Draw pages only for these. Raises CommandError: the login lacks something, or `who` names nobody."""
    from firsttoken_dashboard.app import oidc

    try:
        allowed = oidc.Allowed.read(who)
    except ValueError:
        raise CommandError(f"--login {who}: write addresses or @domains with commas between, or `everybody`.") from None
    if (lacking := oidc.missing()) is not None:
        raise CommandError(lacking)
    oidc.demand(allowed)


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens on this address. Raises CommandError: it is taken, or not this machine's."""
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
    except OSError as error:
        listener.close()
        if error.errno in {errno.EADDRNOTAVAIL, socket.EAI_NONAME}:
            raise CommandError(f"--host {host}: this machine has no such address.") from None
        raise CommandError(f"port {port} is in use: choose another with --port, or --port 0 for a free one.") from None
    return listener


def _serve(listener: socket.socket, address: str, *, token: str | None, by_name: bool, opens_browser: bool) -> None:
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.routing import Route, WebSocketRoute
    from streamlit import config
    from streamlit.starlette import App

    for name, value in {**_SERVER, **theme.OPTIONS}.items():
        config.set_option(name, value)
    with resources.as_file(resources.files(__package__ or "").joinpath("main.py")) as script:
        app = App(
            script,
            routes=[WebSocketRoute(changes.PATH, changes.tell), Route(exporting.PATH, exporting.answer)],
            # With a login, any name may be asked for: a page that pretends to live here has no cookie of this name.
            middleware=[
                *([Middleware(Login, token=token)] if token is not None else []),
                *(
                    [Middleware(TrustedHostMiddleware, allowed_hosts=serving.HOSTS)]
                    if token is None and not by_name
                    else []
                ),
                Middleware(serving.KnownBackend),
            ],
        )
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="on", ws_max_size=2**26))
        print(f"firsttoken dashboard: {address}  (stop with Ctrl+C)", flush=True)
        if opens_browser:
            threading.Timer(0.8, webbrowser.open, [address]).start()
        server.run(sockets=[listener])
