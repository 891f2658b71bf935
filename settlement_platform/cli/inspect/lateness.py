"""`settlement lateness`: when each source of a dataset delivers, by weekday, and the lateness to declare."""

from datetime import date, timedelta
from typing import Any

from settlement_platform.cli.console.exit_codes import DONE
from settlement_platform.cli.console.find_declared import find_dataset
from settlement_platform.cli.console.output import out, print_json, print_reasons, table
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.control.durations import format_duration
from settlement_platform.control.timeliness.calendars import WEEKDAY_NAMES
from settlement_platform.control.timeliness.recurring_lateness import (
    LatenessPattern,
    as_declaration,
    find_lateness_patterns,
)
from settlement_platform.settings import load_settings


def run_lateness(name: str, *, json: bool) -> int:
    """Show the arrival pattern of each source, and the lateness to declare."""
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
    columns = ("source", "due on", "dates", "late", "median", "worst", "left out")
    title = f"First deliveries, against {expected} UTC; those seen more than a day late are left out"
    out.print(table(columns, [_row(p) for p in patterns], title=title))
    late = [(p, p.suggested) for p in patterns if p.suggested]
    if late:
        out.print()
    print_reasons(f"{p.source} on {WEEKDAY_NAMES[p.weekday]}s: {_assessment(p, s.by)}" for p, s in late)
    if suggestions:
        out.print(f"\nDeclare in known_lateness of {name}:", markup=False)
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
        WEEKDAY_NAMES[pattern.weekday][:3],
        pattern.count,
        pattern.late,
        _lateness_text(pattern.median) if pattern.count else None,
        _lateness_text(pattern.worst) if pattern.count else None,
        pattern.left_out,
    )


def _lateness_text(lateness: timedelta) -> str:
    return f"{format_duration(abs(lateness))} {'early' if lateness < timedelta(0) else 'late'}"


def _assessment(pattern: LatenessPattern, usual: timedelta) -> str:
    if pattern.covered:
        return f"known: {_lateness_text(pattern.declared)} is declared"
    text = f"usually up to {_lateness_text(usual)}"
    return f"{text}; {_lateness_text(pattern.declared)} is declared" if pattern.declared else text
