"""A proxy that counts the HTTP requests that pass through it and changes nothing."""

import socket
import threading
from contextlib import suppress
from typing import Self

_CHUNK = 65_536
_METHODS = (b"GET ", b"PUT ", b"HEAD ", b"POST ", b"DELETE ")


class CountingProxy:
    """Forward to one server, and count the chunks that begin like a request, as clients here send them."""

    def __init__(self, host: str, port: int) -> None:
        self.requests = 0
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def before(cls, url: str) -> Self:
        """Return a proxy for the server at a URL."""
        host, _, port = url.removeprefix("http://").partition(":")
        return cls(host, int(port))

    @property
    def url(self) -> str:
        """The address of the proxy."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                for source, sink, counted in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=(source, sink, counted), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:  # noqa: FBT001 - which of the two ways
        with suppress(OSError):
            while chunk := source.recv(_CHUNK):
                if counted and chunk.startswith(_METHODS):
                    self.requests += 1
                sink.sendall(chunk)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
