"""Durations are given in at most two units."""

from datetime import timedelta

import pytest

from settlement_platform.control.durations import format_duration


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(0), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=47, minutes=59), "47 h 59 min"),
        (timedelta(days=2, hours=5), "2 days 5 h"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_a_duration_has_at_most_two_units(span: timedelta, text: str) -> None:
    assert format_duration(span) == text
