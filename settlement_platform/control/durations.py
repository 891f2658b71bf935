"""Durations as people read them."""

from datetime import timedelta


def format_duration(span: timedelta) -> str:
    """A length of time in at most two units: `25 min`, `2 h`, `2 h 10 min`, `3 days`."""
    minutes = int(span.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:  # noqa: PLR2004 - two days
        return f"{hours // 24} days"
    if not hours:
        return f"{rest} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"
