"""What stands in place of a gateway, of a store, and of a host outside."""

import socketserver
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class _Running:
    """A server that has a thread."""

    def __init__(self, server: socketserver.BaseServer) -> None:
        self._server = server
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Rest(_Running):
    """Answers GET with the path that it was asked for, on a port of 127.0.0.1.

    Args:
        port: 0 takes any.
        certificate: path of chain and key without their ends; then TLS is spoken.
    """

    def __init__(self, port: int, certificate: Path | None = None) -> None:
        server = ThreadingHTTPServer(("127.0.0.1", port), _Get)
        self.port = server.server_port
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{certificate}.pem", f"{certificate}.key")
            server.socket = context.wrap_socket(server.socket, server_side=True)
        super().__init__(server)


class _Get(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Echo(_Running):
    """Sends back what it is sent."""

    def __init__(self, port: int) -> None:
        super().__init__(_Threading(("127.0.0.1", port), _Bytes))


class _Threading(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class _Bytes(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        while said := self.request.recv(4096):
            self.request.sendall(said)
