"""The receiver as one thing that starts and stops: both protocols, the writer, the health counters."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Final

import grpc
import uvicorn

from firsttoken.store import ingest
from firsttoken_dashboard.options import CommandError
from firsttoken_dashboard.receive import grpc_server, http
from firsttoken_dashboard.receive.health import Health
from firsttoken_dashboard.receive.writer import Writer

if TYPE_CHECKING:
    from typing_extensions import Self

    from firsttoken.store import Store

#: Seconds that requests under way have to finish once the receiver is told to stop.
GRACE_S: Final = 10


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the certificate chain and its key."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. Port 0 takes any that is free."""

    host: str = "127.0.0.1"
    http_port: int = 4318
    grpc_port: int = 4317


class Receiver:
    """OTLP over HTTP and gRPC into one store; a context manager that stops in good order.

    Raises:
        CommandError: a port is taken, or the host or a TLS file is no good.
    """

    def __init__(self, store: Store, address: Address, *, token: str | None = None, tls: Tls | None = None) -> None:
        self.health = Health()
        with contextlib.ExitStack() as undo:
            listener = undo.enter_context(_listener(address.host, address.http_port))
            self.http_port: int = listener.getsockname()[1]
            self._writer = Writer(store, self.health)
            undo.callback(self._writer.close)
            self._grpc = grpc_server.server(self._writer, self.health, token)
            self.grpc_port = _bind(self._grpc, address, tls)
            self._http = uvicorn.Server(
                uvicorn.Config(
                    http.application(self._writer, self.health, token),
                    log_config=None,
                    access_log=False,
                    lifespan="off",
                    ws="none",
                    server_header=False,
                    timeout_graceful_shutdown=GRACE_S,
                    ssl_certfile=tls.certificate if tls else None,
                    ssl_keyfile=tls.key if tls else None,
                )
            )
            # A thread of its own: there uvicorn leaves the process's signal handlers alone.
            self._http_thread = threading.Thread(
                target=self._http.run, kwargs={"sockets": [listener]}, name="firsttoken-http", daemon=True
            )
            self._stopped = threading.Event()
            self._reporter = threading.Thread(
                target=self._report, args=(store.path,), name="firsttoken-health", daemon=True
            )
            self._grpc.start()
            self._http_thread.start()
            self._reporter.start()
            while not self._http.started and self._http_thread.is_alive():
                time.sleep(0.005)
            undo.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take no more requests, finish those under way, write what waits."""
        grpc_stopped = self._grpc.stop(GRACE_S)
        self._http.should_exit = True
        self._http_thread.join()
        grpc_stopped.wait()
        self._writer.close()
        self._stopped.set()
        self._reporter.join()

    def _report(self, store: Path) -> None:
        """Say beside the store how it goes, for processes that do not know where this one listens."""
        while True:
            stopped = self._stopped.wait(ingest.INTERVAL_S)
            # Without: where nothing can be written, the health endpoint says so.
            with contextlib.suppress(OSError):
                ingest.write_report(store, self._writer.report(), running=not stopped)
            if stopped:
                return


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except socket.gaierror as error:
        raise CommandError(f"--host {host}: {error.strerror}; name an address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise CommandError(_taken(host, port, "--http-port")) from None
        raise CommandError(f"cannot listen on {host} port {port}: {error.strerror}.") from None


def _bind(server: grpc.Server, address: Address, tls: Tls | None) -> int:
    host = f"[{address.host}]" if ":" in address.host else address.host
    target = f"{host}:{address.grpc_port}"
    try:
        if tls is None:
            return server.add_insecure_port(target)
        credentials = grpc.ssl_server_credentials([(tls.key.read_bytes(), tls.certificate.read_bytes())])
        return server.add_secure_port(target, credentials)
    except RuntimeError:
        raise CommandError(_taken(address.host, address.grpc_port, "--grpc-port")) from None


def _taken(host: str, port: int, option: str) -> str:
    return f"port {port} on {host} is taken; stop what listens there, or choose another with {option}."
