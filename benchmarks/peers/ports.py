"""A free port on the loopback interface."""

import socket


def free_port() -> int:
    """Return a port that the system chooses; if it is taken before its use, the service does not start, and says so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
