"""The soak: processes are killed in the middle of their work, many times, and everything is checked after each kill.

Run it by `make soak KILLS=1000 SEED=7`. It goes on where the report of the seed says that it stood.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.soak.checker import Answer, Expected, Question, check_until_closed
from settlement_platform_tests.soak.children import (
    FORK,
    PATIENCE_SECONDS,
    Ending,
    Place,
    load_everything,
    modules_of_steps,
    run_and_kill,
    run_to_end,
)
from settlement_platform_tests.soak.report import SoakReport, take_up
from settlement_platform_tests.soak.scene import BusinessDate, Scene, settle
from settlement_platform_tests.soak.work import DAEMON, PUBLISH, TIDY, Step, Work, plan_work

WEIGHTS = {
    PUBLISH: 22,
    "materialize": 14,
    "marts": 16,
    "rollback": 16,
    "release": 12,
    TIDY: 10,
    "backfill": 5,
    DAEMON: 7,
}
DATES = 5
KILLS_PER_HOME = 60
"""A home that grows makes everything slower; a fresh one is cheap."""

MOST_KILLS_IN_A_ROW = 6
"""The next attempt at the same work is killed too, before one is let through to recover."""

MOST_DAEMON_ROUNDS = 6
PAUSE_OF_A_RETRY = timedelta(minutes=16)
"""Beyond the longest pause before the retry of a run."""

BEYOND_THE_END = 1.1
"""Delays reach a little beyond the usual duration, so that the last moments are hit too."""

FIRST_GUESS_SECONDS = 2.0


class Session:
    """One home under attack, with its checker."""

    def __init__(self, report: SoakReport, folder: Path, random: Random) -> None:
        self.report, self.random = report, random
        first = datetime.now(UTC).date() - timedelta(days=DATES)
        self.scene = Scene(home=folder, dates={d: BusinessDate(d) for d in _days(first)})
        self.place = Place(home=folder, first_date=first, ahead=timedelta(0), log=folder.with_suffix(".log"))
        self.checker, there = FORK.Pipe()
        self._process = FORK.Process(target=_check, args=(there, self.checker, self.place), daemon=True)
        self._process.start()
        there.close()

    def close(self) -> None:
        """End the checker."""
        self.checker.close()
        self._process.join(5)
        self._process.kill()

    def round(self) -> bool:
        """Kill one piece of work, several times in a row, and let it recover; return whether it recovered wholly."""
        work = plan_work(self.scene, self.random, WEIGHTS)
        setup = work.setup
        for _ in range(self.random.randint(1, MOST_KILLS_IN_A_ROW)):
            ending, violations = self._kill(work, setup)
            self._report(work, "killed", violations)
            setup = ()
            if not ending.killed or ending.error:
                break
        violations = self._recover(work)
        self._report(work, "recovered", violations)
        self.report.of(work.kind).recoveries += 1
        self._take_down(work)
        return not violations

    def _report(self, work: Work, stage: str, violations: Sequence[str]) -> None:
        where = {"scene": self.report.scenes, "home": str(self.place.home), "kind": work.kind, "stage": stage}
        self.report.violations += [{**where, "what": each} for each in violations]

    def _kill(self, work: Work, setup: tuple[Step, ...]) -> tuple[Ending, list[str]]:
        usual = self.report.durations.get(work.kind, FIRST_GUESS_SECONDS)
        delay = self.random.uniform(0, usual * BEYOND_THE_END)
        ending = run_and_kill(self.place, setup, work.steps, delay=delay)
        self._turn_the_clock(work)
        kind = self.report.of(work.kind)
        if ending.error:
            return ending, [f"the work failed: {ending.error}"]
        answer = self._ask(work, recovered=False)
        if ending.killed:
            kind.add(ending.seconds / usual, committed=answer.committed > 0)
        else:
            kind.ended_before += 1
        slower = ending.seconds > usual
        if not ending.killed or slower:
            self.report.durations[work.kind] = usual + (ending.seconds - usual) / 3
        return ending, list(answer.violations)

    def _recover(self, work: Work) -> list[str]:
        """Do the work again until it is done; the daemon gets several rounds, as its retries have pauses."""
        violations: list[str] = []
        for _ in range(MOST_DAEMON_ROUNDS if work.kind == DAEMON else 1):
            ending = run_to_end(self.place, work.recovery)
            self._turn_the_clock(work)
            if ending.error:
                violations = [f"the recovery failed: {ending.error}"]
            else:
                violations = list(self._ask(work, recovered=True).violations)
            if not violations:
                break
            self.place = replace(self.place, ahead=self.place.ahead + PAUSE_OF_A_RETRY)
        return violations

    def _turn_the_clock(self, work: Work) -> None:
        if work.kind == DAEMON:
            self.place = replace(self.place, ahead=self.place.ahead + timedelta(minutes=3))

    def _ask(self, work: Work, *, recovered: bool) -> Answer:
        expected = {day: _expected(found, work, recovered=recovered) for day, found in self.scene.dates.items()}
        self.checker.send(Question(expected=expected, recovered=recovered, ahead=self.place.ahead))
        if not self.checker.poll(PATIENCE_SECONDS):
            return Answer(violations=("the checker does not answer",))
        answer: Answer = self.checker.recv()
        return answer

    def _take_down(self, work: Work) -> None:
        settle(self.scene, dict(work.changes))
        if work.rolls_back:
            self.scene.dates[work.rolls_back].rolled_back = True
        if work.expires:
            for found in self.scene.dates.values():
                found.oldest_kept = max(len(found.generations), 1)


def _days(first: date) -> list[date]:
    return [first + timedelta(days=n) for n in range(DATES)]


def _check(connection: Connection, parents: Connection, place: Place) -> None:
    # The parent's end would otherwise stay open here, and its closing would not be noticed.
    parents.close()
    check_until_closed(connection, place)


def _expected(found: BusinessDate, work: Work, *, recovered: bool) -> Expected:
    """Return the contents that a date may have during the work, or has to have after it."""
    before = (len(found.generations), found.visible)
    new = work.changes.get(found.day)
    after = (len(found.generations) + 1, new) if new is not None and new != found.visible else before
    contents = (after,) if recovered or after == before else (before, after)
    return Expected(contents=contents, earlier=tuple(found.generations))


def soak(report: SoakReport, path: Path, kills: int, folder: Path) -> None:
    """Kill until so many kills are reported, on one home after another."""
    report.sessions += 1
    began, spent = time.monotonic(), report.seconds
    while report.kills < kills:
        report.scenes += 1
        home = folder / f"home-{report.seed}-{report.scenes}"
        home.mkdir()
        session, before, whole = Session(report, home, Random(f"{report.seed}:{report.scenes}")), report.kills, True
        try:
            while whole and report.kills < min(kills, before + KILLS_PER_HOME):
                whole = session.round()
                report.seconds = spent + time.monotonic() - began
                report.save(path)
        finally:
            session.close()
        print(f"{report.kills} of {kills} kills, {len(report.violations)} violations", flush=True)  # noqa: T201 - progress
        if whole:
            shutil.rmtree(home)
            home.with_suffix(".log").unlink(missing_ok=True)


def _warm(folder: Path) -> None:
    """Load what the work loads, found out by a child that does some."""
    load_everything(())
    home = folder / "warming"
    home.mkdir()
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    scene = Scene(home=home, dates={yesterday: BusinessDate(yesterday)})
    scene.deliver(yesterday, Random(0))
    place = Place(home=home, first_date=yesterday, ahead=timedelta(0), log=home.with_suffix(".log"))
    range_ = ("--from", str(yesterday), "--to", str(yesterday))
    works = (("materialize", NAME, *range_), (PUBLISH, str(yesterday)), (DAEMON,))
    load_everything(modules_of_steps(place, [Step(arguments=arguments) for arguments in works]))
    shutil.rmtree(home)


def main() -> None:
    """Read the arguments, soak, and print the report; the exit code is 1 where anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--report", type=Path, default=None)
    given = parser.parse_args()
    path = given.report or Path(".soak", f"seed-{given.seed}.json")
    report = take_up(path, given.seed)
    folder = Path(tempfile.mkdtemp(prefix="settlement-soak-"))
    try:
        _warm(folder)
        soak(report, path, given.kills, folder)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here")  # noqa: T201 - what happened
    finally:
        print("\n".join(report.lines()), f"report: {path}", sep="\n")  # noqa: T201 - the result
        if not report.violations:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(bool(report.violations))


if __name__ == "__main__":
    main()
