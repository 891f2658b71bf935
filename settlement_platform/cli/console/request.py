"""Who requests an action from the command line, and why."""

import getpass

from settlement_platform.pipeline.platform import Request


def current_user() -> str:
    """Return the operating system's user, or `unknown` where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def make_request(actor: str | None, reason: str) -> Request:
    """Return the request of `actor`, by default the operating system's user."""
    return Request(actor=actor or current_user(), reason=reason)
