"""Output for people and for programs: tables or one JSON document on standard output, all else on standard error."""

import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from settlement_platform.control.durations import format_duration
from settlement_platform.control.reasons.reason import Reason, as_parameter, reason_codes, rfc3339

_WIDE = 160

# Without a terminal there is no width to fold at, and folded lines are hard to search.
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _WIDE)
err = Console(stderr=True, highlight=False, soft_wrap=True, width=None if sys.stderr.isatty() else _WIDE)
_EXACT = 2**53

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that move a terminal's cursor, change its colours or reorder text; delivered text can contain them."""

_CODES_BESIDE = {
    "reasons": "reason_codes",
    "decision_reasons": "decision_reason_codes",
    "held_back_by": "held_back_by_codes",
    "launches_stopped": "launches_stopped_codes",
    "last_attempt": "last_attempt_codes",
}
"""Fields of documents that list reasons, and the field beside each that gives their codes."""

_CODE_BESIDE = {"next_step": "next_step_code", "restatement": "restatement_code"}
"""Fields of documents that are one reason or null, and the field beside each that gives its code."""

STATE_STYLES = {
    "final": "green",
    "restated": "cyan",
    "rolled_back": "magenta",
    "provisional": "yellow",
    "waiting": "yellow",
    "late": "red",
    "staged": "blue",
    "quarantined": "bold red",
    "skipped": "dim",
    "not_expected": "dim",
}


def json_value(value: Any) -> Any:  # noqa: ANN401, PLR0911 - any SQL value
    """Return a value that JSON can carry; integers beyond 2^53, NaN and the infinities become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, Decimal):
        return json_value(int(value)) if value == value.to_integral_value() and _is_integral(value) else str(value)
    if isinstance(value, datetime):
        return rfc3339(value) if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(k): json_value(v) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes | bytearray):
        return [json_value(v) for v in value]
    return str(value)


def _is_integral(value: Decimal) -> bool:
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= 0


def print_json(document: dict[str, Any], *, with_codes: bool = True) -> None:
    """Print one JSON document on standard output, with the codes of reasons beside each list of reasons.

    `with_codes` is false for documents with values that are not ours, such as rows of a query.
    """
    found = json_value(_with_reason_codes(document) if with_codes else document)
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def _with_reason_codes(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return the value with codes added, which are null beside sentences that were read back from a store."""
    if isinstance(value, list | tuple):
        return [_with_reason_codes(each) for each in value]
    if not isinstance(value, dict):
        return value
    found: dict[Any, Any] = {}
    for name, each in value.items():
        found[name] = _with_reason_codes(each)
        if name in _CODES_BESIDE and each is not None:
            found[_CODES_BESIDE[name]] = reason_codes(each)
        if name in _CODE_BESIDE:
            found[_CODE_BESIDE[name]] = as_parameter(each) if isinstance(each, Reason) else None
    return found


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, title: str | None = None) -> Table:
    """Return a table whose cells are formatted for people."""
    found = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        found.add_column(escape_controls(column), overflow="fold")
    for row in rows:
        found.add_row(*(value if isinstance(value, Text) else _cell(value) for value in row))
    return found


def _cell(value: Any) -> Text:  # noqa: ANN401 - any value
    if value is None:
        return Text("-", style="dim")
    if isinstance(value, bool):
        return Text("yes" if value else "no", style="green" if value else "red")
    if isinstance(value, int):
        return Text(f"{value:,}", justify="right")
    if isinstance(value, datetime):
        return Text(value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))
    return escape_controls(str(value))


def escape_controls(text: str) -> Text:
    """Return a text with its control characters as escapes, since delivered text and operators' texts can have some."""
    return Text(_CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text))


def print_reasons(reasons: Iterable[str], *, indent: str = "  ") -> None:
    """Print a line per reason: a terminal wraps a long line, while a narrow column would cut its words."""
    for reason in reasons:
        out.print(Text(f"{indent}- ").append_text(escape_controls(reason)))


def state_text(state: str) -> Text:
    """Return a state in its colour."""
    return Text(state, style=STATE_STYLES.get(state, ""))


def format_lag(lag: timedelta | None) -> str:
    """Return how late something is: `-` where nothing is due yet, `on time`, or the lag."""
    if lag is None:
        return "-"
    return format_duration(lag) if lag > timedelta(0) else "on time"
