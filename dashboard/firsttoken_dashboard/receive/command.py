"""`firsttoken receive`: OTLP in, until told to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from firsttoken.store import StoreBusy, StoreMissing
from firsttoken_dashboard import options
from firsttoken_dashboard.receive.server import Address, Receiver, Tls, is_loopback

if TYPE_CHECKING:
    import argparse
    from types import FrameType

    from firsttoken.store import Store

TOKEN_VARIABLE: Final = "FIRSTTOKEN_TOKEN"  # noqa: S105 - its name, not its value


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    options.add_store(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--http-port", type=options.port, default=4318, metavar="PORT", help="OTLP/HTTP (default: %(default)s)"
    )
    parser.add_argument(
        "--grpc-port", type=options.port, default=4317, metavar="PORT", help="OTLP/gRPC (default: %(default)s)"
    )
    parser.add_argument(
        "--token",
        default=os.environ.get(TOKEN_VARIABLE) or None,
        help=f"what clients must send as `Authorization: Bearer TOKEN` (default: ${TOKEN_VARIABLE}); "
        "needed on any host that others can reach",
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="PEM file of the certificate chain: serve TLS")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="PEM file of its key")
    options.add_keep_content(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; return 0 once what was accepted is durable."""
    if args.token is None and not is_loopback(args.host):
        raise options.CommandError(
            f"--host {args.host} can be reached by others: give a token with --token or ${TOKEN_VARIABLE}."
        )
    options.heed_keep_content(args)
    # One thread writes tables at the pace at which the others decode; with more it takes the core from them.
    store = options.open_store(args, threads=1)
    _check(store)
    # Who waits for the interpreter while a body is decoded gets it after a millisecond, not five.
    sys.setswitchinterval(0.001)
    told_to_stop = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        told_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    address = Address(args.host, args.http_port, args.grpc_port)
    with Receiver(store, address, token=args.token, tls=_tls(args)) as receiver:
        scheme = "https" if args.tls_cert else "http"
        print(f"OTLP/HTTP  {scheme}://{args.host}:{receiver.http_port}/v1/traces")
        print(f"OTLP/gRPC  {args.host}:{receiver.grpc_port}")
        print(f"health     {scheme}://{args.host}:{receiver.http_port}/health")
        print(f"store      {store.path}", flush=True)
        told_to_stop.wait()
        print("stopping: finishing what was accepted", file=sys.stderr)
    return 0


def _check(store: Store) -> None:
    """Find out now, not at the first span, that the store cannot be used."""
    try:
        with store.read():
            pass
    except StoreMissing:
        store.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except StoreBusy:
        pass  # it is in use, so it can be used; what arrives lies beside it meanwhile


def _tls(args: argparse.Namespace) -> Tls | None:
    certificate: Path | None = args.tls_cert
    key: Path | None = args.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise options.CommandError("--tls-cert and --tls-key go together: give both files.")
    for file in (certificate, key):
        if not file.is_file():
            raise options.CommandError(f"there is no file {file}.")
    return Tls(certificate, key)
