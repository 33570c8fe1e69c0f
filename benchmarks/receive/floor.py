"""A server like the receiver that parses each request and drops it: what HTTP, gRPC and protobuf cost by themselves."""

from __future__ import annotations

import signal
import socket
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import uvicorn
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request


async def traces(request: Request) -> Response:
    data = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        data = zlib.decompress(data, 31)
    ExportTraceServiceRequest.FromString(data)
    return Response(b"", media_type="application/x-protobuf")


def export(request: bytes, _: grpc.ServicerContext) -> bytes:
    ExportTraceServiceRequest.FromString(request)
    return b""


def main() -> None:
    told_to_stop = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        told_to_stop.set()

    signal.signal(signal.SIGTERM, stop)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    calls = grpc.server(
        ThreadPoolExecutor(24), options=[("grpc.max_receive_message_length", 2**26), ("grpc.so_reuseport", 0)]
    )
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    calls.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {"Export": grpc.unary_unary_rpc_method_handler(export)}),)
    )
    port = calls.add_insecure_port("127.0.0.1:0")
    calls.start()
    application = Starlette(routes=[Route("/v1/traces", traces, methods=["POST"])])
    web = uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False, lifespan="off", ws="none"))
    threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True).start()
    print(f"OTLP/HTTP  http://127.0.0.1:{listener.getsockname()[1]}/v1/traces")
    print(f"OTLP/gRPC  127.0.0.1:{port}", flush=True)
    told_to_stop.wait()


if __name__ == "__main__":
    main()
