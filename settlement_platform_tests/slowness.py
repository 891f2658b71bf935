"""Which cases of a test are slow."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def slow_but(often: Collection[str], every: Iterable[str]) -> list[Any]:
    """All cases as parameters of a test; those that need not be run often are slow."""
    return [pytest.param(case, marks=() if case in often else pytest.mark.slow) for case in every]
