"""`settlement lateness`: when a dataset's sources really deliver, by weekday, and what to declare about it."""

from datetime import date, timedelta
from typing import Any

from settlement_platform.cli.console.exit_codes import DONE
from settlement_platform.cli.console.find_declared import find_dataset
from settlement_platform.cli.console.output import out, print_json, table
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.control.timeliness.calendars import WEEKDAY_NAMES
from settlement_platform.control.timeliness.recurring_lateness import (
    LatenessPattern,
    as_declaration,
    find_lateness_patterns,
)
from settlement_platform.settings import load_settings


def run_lateness(name: str, *, json: bool) -> int:
    """Show the patterns of a dataset's arrivals, and the policies that they suggest."""
    dataset = find_dataset(name)
    with open_stores(load_settings()) as platform:
        patterns = find_lateness_patterns(platform.ledger.arrivals(name, date.min, date.max), dataset.timeliness)
    expected = f"{dataset.timeliness.expected_by:%H:%M}"
    suggestions = [as_declaration(p.suggested) for p in patterns if p.suggested and not p.covered]
    if json:
        documents = [_pattern_document(p) for p in patterns]
        print_json({"dataset": name, "expected_by": expected, "patterns": documents, "suggestions": suggestions})
        return DONE
    if not patterns:
        out.print(f"Nothing has arrived for {name} yet.", markup=False)
        return DONE
    columns = ("source", "due on", "dates", "late", "median", "worst", "left out", "what it comes to")
    title = f"first deliveries, against {expected} UTC; left out is what was first seen more than a day late"
    out.print(table(columns, [_row(p) for p in patterns], title=title))
    if suggestions:
        out.print(f"\nto declare in known_lateness of {name}:", markup=False)
    for line in suggestions:
        out.print(f"  {line}", markup=False)
    return DONE


def _pattern_document(pattern: LatenessPattern) -> dict[str, Any]:
    suggested = pattern.suggested
    return {
        "source": pattern.source,
        "weekday": pattern.weekday,
        "count": pattern.count,
        "late": pattern.late,
        "median_seconds": int(pattern.median.total_seconds()) if pattern.count else None,
        "worst_seconds": int(pattern.worst.total_seconds()) if pattern.count else None,
        "left_out": pattern.left_out,
        "declared_seconds": int(pattern.declared.total_seconds()),
        "covered": pattern.covered,
        "suggested_seconds": int(suggested.by.total_seconds()) if suggested else None,
        "suggestion": as_declaration(suggested) if suggested else None,
    }


def _row(pattern: LatenessPattern) -> tuple[Any, ...]:
    return (
        pattern.source,
        WEEKDAY_NAMES[pattern.weekday],
        pattern.count,
        pattern.late,
        _lateness_text(pattern.median) if pattern.count else None,
        _lateness_text(pattern.worst) if pattern.count else None,
        pattern.left_out,
        _assessment(pattern),
    )


def _lateness_text(lateness: timedelta) -> str:
    minutes = int(abs(lateness).total_seconds() // 60)
    text = f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"  # noqa: PLR2004 - an hour
    return f"{text} early" if lateness < timedelta(0) else f"{text} late"


def _assessment(pattern: LatenessPattern) -> str:
    if pattern.suggested is None:
        return ""
    if pattern.covered:
        return f"known: {_lateness_text(pattern.declared)} is declared"
    usual = f"usually up to {_lateness_text(pattern.suggested.by)}"
    return f"{usual}; {_lateness_text(pattern.declared)} is declared" if pattern.declared else usual
