"""Plots of the results of one session: `plots RESULTS SESSION FOLDER`; runs in an environment of its own."""

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib import pyplot as plt

Result = dict[str, Any]
OURS, THEIRS, SECOND = "#c0392b", "#7f8c8d", "#34495e"


def main() -> None:
    """Draw four plots, each as PNG and SVG."""
    source, session, folder = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    mpl.use("Agg")
    lines = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    results = [line for line in lines if line["session"] == session]
    first = _one_of_each(results)
    _save(folder / "drain", _bars(first, "seconds a date", _a_date, log=True))
    _save(folder / "memory", _bars(first, "peak memory, MiB", lambda r: r["peak_mib"]))
    ratios = _ratios(first)
    if ratios:
        compared = [r for r in first if _label(r) in ratios]
        _save(folder / "ratio", _bars(compared, "drain, of the plain script", lambda r: ratios[_label(r)], log=True))
    fresh = [r for r in first if r["idle_fresh_seconds"]]
    if fresh:
        _save(folder / "fresh", _fresh(fresh))


def _one_of_each(results: Sequence[Result]) -> list[Result]:
    """Merge the turns of a contender of one size, with the median of their times."""
    found: dict[str, Result] = {}
    for result in results:
        found.setdefault(_label(result), {**result, "drains": []})["drains"].append(result["drain_seconds"])
    return [{**result, "drain_seconds": statistics.median(result["drains"])} for result in found.values()]


def _bars(results: Sequence[Result], what: str, value: Callable[[Result], float], *, log: bool = False) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(9, 1 + 0.45 * len(results)), layout="constrained")
    colours = [OURS if result["peer"] == "ours" else THEIRS for result in results]
    bars = axes.barh([_label(r) for r in results], [value(r) for r in results], color=colours, log=log)
    axes.bar_label(bars, fmt="{:,.2f}" if log else "{:,.0f}", padding=3)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_xlabel(what)
    return figure


def _fresh(results: Sequence[Result]) -> plt.Figure:
    figure, axes = plt.subplots(figsize=(9, 1 + 0.6 * len(results)), layout="constrained")
    for offset, field, colour, name in (
        (-0.2, "idle_fresh_seconds", THEIRS, "at rest"),
        (0.2, "fresh_under_backfill_seconds", SECOND, "in the middle of a backfill"),
    ):
        values = [statistics.median(r[field]) if r[field] else 0.0 for r in results]
        bars = axes.barh([n + offset for n in range(len(results))], values, height=0.4, color=colour, label=name)
        axes.bar_label(bars, [f"{v:.1f}" if v else "none: see the table" for v in values], padding=3)
    axes.set_yticks(range(len(results)), [_label(r) for r in results])
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_xlabel("fresh date: seconds from request to publication, median")
    axes.legend(loc="lower right")
    return figure


def _ratios(results: Sequence[Result]) -> dict[str, float]:
    plain = {(r["dates"], r["rows"]): r["drain_seconds"] for r in results if r["peer"] == "plain"}
    sized = {_label(r): (r, plain.get((r["dates"], r["rows"]))) for r in results}
    return {label: result["drain_seconds"] / base for label, (result, base) in sized.items() if base}


def _a_date(result: Result) -> float:
    return float(result["drain_seconds"] / result["dates"])


def _label(result: Result) -> str:
    return f"{result['title'].split(',')[0]}{_kind(result)}\n{result['dates']} of {result['rows']:,} rows"


def _kind(result: Result) -> str:
    return {"prefect": ", worker", "prefect-process": ", one process"}.get(result["peer"], "")


def _save(path: Path, figure: plt.Figure) -> None:
    for suffix in (".png", ".svg"):
        figure.savefig(path.with_suffix(suffix), dpi=150)
    plt.close(figure)


if __name__ == "__main__":
    main()
