"""The command `make bench-peers`: the turn of every contender in one session, then a table and plots."""

import argparse
import json
import os
import platform
import subprocess
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarks.measure import OUT
from benchmarks.peers.contenders import CONTENDERS, OURS, PLAIN, Contender, turns
from benchmarks.peers.environments import python_of
from benchmarks.peers.files import Files
from benchmarks.peers.processes import PROJECT, adopt_orphans, ends_as_asked, environment
from benchmarks.peers.report import markdown
from benchmarks.peers.session import Result, Turn, take

HERE = OUT / "peers"
RESULTS, TABLE = HERE / "results.jsonl", HERE / "results.md"


def measure(chosen: list[Turn], session: str) -> tuple[list[Result], list[str]]:
    """Return the results of all turns, each saved at once, and the failed turns; the others continue without them."""
    results, failed = [], []
    for number, turn in enumerate(chosen, start=1):
        contender = CONTENDERS[turn.peer]
        print(f"{number}/{len(chosen)} {contender.title}: {turn.dates} dates of {turn.rows:,} rows", flush=True)
        files = Files(folder=HERE / "files" / str(turn.rows), rows=turn.rows)
        try:
            today = datetime.now(UTC).date()
            result = take(turn, contender.driver, files=files, folder=HERE / "work" / turn.peer, today=today)
        except Exception as error:  # noqa: BLE001 - whatever one contender meets, the others are measured
            traceback.print_exc()
            failed.append(f"{contender.title}: {error}")
            continue
        print(f"    drained in {result.drain_seconds:.1f} s", flush=True)
        _keep(result, contender, session)
        results.append(result)
    return results, failed


def _keep(result: Result, contender: Contender, session: str) -> None:
    line: dict[str, Any] = {"session": session, "machine": _machine(), "title": contender.title, **asdict(result)}
    with RESULTS.open("a", encoding="utf-8") as results:
        results.write(json.dumps(line) + "\n")


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python {platform.python_version()}"


def _plot(session: str) -> None:
    command = [python_of("plots"), "-m", "benchmarks.peers.plots", str(RESULTS), session, str(HERE)]
    subprocess.run(command, env=environment({}), cwd=PROJECT, check=True)


def _chosen(arguments: Sequence[str] | None) -> list[Turn]:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dates", type=_number, help="how many each drains; default 30, and 365 for those of --year")
    parser.add_argument("--rows", type=_number, help="of a date; default 10,000, and 1,000,000 for plain and ours")
    parser.add_argument("--only", type=_names, default=[*CONTENDERS], help=f"some of {','.join(CONTENDERS)}")
    parser.add_argument("--year", type=_names, default=[PLAIN, OURS], help="who drains 365; default plain,ours")
    parser.add_argument("--quick", action="store_true", help="4 dates of 1,000 rows: shows that everything runs")
    given = parser.parse_args(arguments)
    return turns(given.only, year=given.year, dates=given.dates, rows=given.rows, quick=given.quick)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in CONTENDERS]:
        raise argparse.ArgumentTypeError(f"no contender {', '.join(unknown)}; choose from {', '.join(CONTENDERS)}")
    return names


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, then write the results; exit with 1 when a contender failed."""
    chosen = _chosen(arguments)
    HERE.mkdir(parents=True, exist_ok=True)
    adopt_orphans()
    ends_as_asked()
    for name in sorted({"plots", *(CONTENDERS[turn.peer].environment or "plots" for turn in chosen)}):
        python_of(name)
    session = datetime.now(UTC).isoformat(timespec="seconds")
    results, failed = measure(chosen, session)
    titles = {name: contender.title for name, contender in CONTENDERS.items()}
    text = markdown(results, titles, f"{session}, {_machine()}", failed)
    TABLE.write_text(text, encoding="utf-8")
    print(text)
    if results:
        _plot(session)
    print(f"written to {TABLE.relative_to(PROJECT)}, {RESULTS.name} and plots beside it")
    if failed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
