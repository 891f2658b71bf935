"""A port on the loopback interface that nobody listens on."""

import socket


def free_port() -> int:
    """The system chooses it; should it be taken before its use, the service does not start, and says so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
