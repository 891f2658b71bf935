"""Durations as people read them."""

from datetime import timedelta


def format_duration(span: timedelta) -> str:
    """Return a length of time in at most two units: `25 min`, `2 h 10 min`, `2 days 5 h`; seconds are cut off."""
    minutes = int(span.total_seconds() // 60)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:  # noqa: PLR2004 - two days
        return _two_units(hours // 24, "days", hours % 24, "h")
    return _two_units(hours, "h", rest, "min") if hours else f"{rest} min"


def _two_units(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
