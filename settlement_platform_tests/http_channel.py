"""A channel for alerts that really listens: an HTTP server on the loopback interface that keeps what is posted."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class HttpChannel:
    """A channel that records posted messages; `status` is its answer, given after `delay_seconds`."""

    port: int
    status: int = 200
    delay_seconds: float = 0.0
    posts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, with secrets that must appear nowhere."""
        return f"json://robot:hunter2@127.0.0.1:{self.port}/hooks/s3cr3t-path?+x-token=t0k3n"

    @property
    def titles(self) -> list[str]:
        """The titles of what was posted."""
        return [post["title"] for post in self.posts]


SECRETS = ("hunter2", "s3cr3t-path", "t0k3n")


@contextmanager
def http_channel(port: int = 0) -> Iterator[HttpChannel]:
    """Listen, on any free port unless one is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(channel.delay_seconds)
            if channel.status < 300:
                channel.posts.append(json.loads(body))
            self.send_response(channel.status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        channel = HttpChannel(port=server.server_port)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield channel
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
