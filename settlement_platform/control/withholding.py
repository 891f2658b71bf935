"""What of a delivered value may be shown: never what could be a card number."""

import re

_DASHES = r"\-\u00ad\u058a\u05be\u1400\u1806\u2010-\u2015\u2212\u2e3a\u2e3b\u2e40\u301c\u3030\u30a0\ufe58\ufe63\uff0d"
_LONG_NUMBER = re.compile(rf"(?:[0-9][\s{_DASHES}]*){{13,}}")


def presentable(value: str | None, limit: int = 60) -> str | None:
    """A value for a finding: shortened, and withheld where it could hold a card number."""
    if value is None:
        return None
    if _LONG_NUMBER.search(value):
        return "[withheld: it could be a card number]"
    return value if len(value) <= limit else value[: limit - 1] + "…"
