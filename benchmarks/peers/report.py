"""The results as Markdown: a table of contenders, and the targets with their measured values."""

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.peers.session import Result
from benchmarks.peers.targets import judged

HEAD = (
    "contender", "dates of rows", "drain s", "s a date", "of plain", "CPU s a date", "peak MiB",
    "fresh, idle s", "fresh, backfill s", "other cores busy",
)  # fmt: skip


def markdown(results: Sequence[Result], titles: Mapping[str, str], measured: str, failed: Sequence[str]) -> str:
    """Return the results of one session, with the contenders that failed."""
    plain = plain_seconds(results)
    lines = [f"Measured {measured}.", "", _line(HEAD), _line(["---"] * len(HEAD))]
    lines += [_line(_cells(result, titles[result.peer], plain)) for result in results]
    lines += ["", "| target | measured | limit | met |", "|---|---|---|---|"]
    lines += [_line((t.text, t.measured, t.limit, t.met)) for t in judged(results)]
    notes = {f"{titles[r.peer]}: no fresh date under a backfill: {r.not_possible}." for r in results if r.not_possible}
    notes |= {f"Failed: {text.splitlines()[0]}" for text in failed}
    return "\n".join([*lines, "", *(f"- {note}" for note in sorted(notes))]).rstrip() + "\n"


def plain_seconds(results: Sequence[Result]) -> Mapping[tuple[int, int], float]:
    """Return the seconds of the plain script by dates and rows, the median if it ran more than once."""
    found: dict[tuple[int, int], list[float]] = {}
    for result in results:
        if result.peer == "plain":
            found.setdefault((result.dates, result.rows), []).append(result.drain_seconds)
    return {size: statistics.median(seconds) for size, seconds in found.items()}


def _cells(result: Result, title: str, plain: Mapping[tuple[int, int], float]) -> Sequence[str]:
    base = plain.get((result.dates, result.rows))
    return (
        title,
        f"{result.dates} of {result.rows:,}",
        f"{result.drain_seconds:.1f}",
        f"{result.drain_seconds / result.dates:.2f}",
        f"{result.drain_seconds / base:.2f}" if base else "-",
        f"{result.cpu_seconds / result.dates:.2f}",
        f"{result.peak_mib:,.0f}",
        _seconds(result.idle_fresh_seconds),
        _seconds(result.fresh_under_backfill_seconds),
        f"{result.busy_elsewhere:.2f}",
    )


def _seconds(found: Sequence[float]) -> str:
    """Return the median, and the worst in brackets."""
    return f"{statistics.median(found):.1f} ({max(found):.1f})" if found else "-"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
