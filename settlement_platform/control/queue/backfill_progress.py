"""Backfill selection and progress: which dates it takes, how far it is, when it ends, and why it waits."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from settlement_platform.control.facts import Attempt, AttemptOutcome
from settlement_platform.control.reasons import queue as why
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reliability.attempts import NOT_ATTEMPTS

RATE_WINDOW = timedelta(minutes=10)
"""The window of the rate. It estimates when a backfill ends, so what happened before a pause does not count."""


class DateFilter(StrEnum):
    """The dates of a range that a backfill takes."""

    EVERY = "every date"
    MISSING = "what is not published"
    FAILED = "what was refused or failed"
    REACHED = "what a source file reached"


@dataclass(frozen=True, kw_only=True)
class DateRecord:
    """The record of a business date; `last_outcome` is empty where nothing was tried."""

    business_date: date
    published: bool
    last_outcome: AttemptOutcome | None = None
    reached: bool = False


@dataclass(frozen=True, kw_only=True)
class DateSelection:
    """The selected dates in order, and the others by the reason for which they are left out."""

    dates: tuple[date, ...]
    left_out: Mapping[str, tuple[date, ...]] = field(default_factory=dict)


def select_dates(known: Iterable[DateRecord], only: DateFilter) -> DateSelection:
    """Select dates by a filter, and give the reason for each date that is left out."""
    dates: list[date] = []
    left_out: dict[str, tuple[date, ...]] = {}
    for each in known:
        reason = _left_out(each, only)
        if reason:
            left_out[reason] = (*left_out.get(reason, ()), each.business_date)
        else:
            dates.append(each.business_date)
    return DateSelection(dates=tuple(dates), left_out=left_out)


_FAILED_OUTCOMES = {AttemptOutcome.REFUSED, AttemptOutcome.FAILED, AttemptOutcome.STARTED}
_NOT_FAILED = {AttemptOutcome.SUCCEEDED: why.LAST_TRY_SUCCEEDED, AttemptOutcome.WAITING: why.LAST_TRY_WAITS}


def _left_out(known: DateRecord, only: DateFilter) -> Reason | None:
    """Return why a date is not taken; None when it is. A try that began and never ended has failed."""
    if only is DateFilter.MISSING and known.published:
        return why.PUBLISHED_ALREADY()
    if only is DateFilter.REACHED and not known.reached:
        return why.NOT_MADE_FROM_FILE()
    if only is DateFilter.FAILED and known.last_outcome not in _FAILED_OUTCOMES:
        template = _NOT_FAILED.get(known.last_outcome) if known.last_outcome else None
        return (template or why.NEVER_TRIED)()
    return None


class DateProgress(StrEnum):
    """The progress of one date in a backfill."""

    DONE = "done"
    REFUSED = "refused"
    WAITING = "waiting"
    FAILED = "failed"
    BLOCKED = "blocked"
    RUNNING = "at_work"  # the name of the JSON field
    REMAINING = "remaining"


_ENDED = {
    AttemptOutcome.SUCCEEDED: DateProgress.DONE,
    AttemptOutcome.REFUSED: DateProgress.REFUSED,
    AttemptOutcome.WAITING: DateProgress.WAITING,
    AttemptOutcome.FAILED: DateProgress.FAILED,
}

_NOT_PUBLISHED = {DateProgress.REFUSED, DateProgress.WAITING, DateProgress.FAILED}


@dataclass(frozen=True, kw_only=True)
class BackfillRun:
    """One run of a backfill: its datasets and marts, its range of dates, and how far it is."""

    run_id: str
    names: frozenset[str]
    first: date
    last: date
    queued: bool = False
    ended: bool = False

    def covers(self, name: str, business_date: date) -> bool:
        """Return whether the run processes this date of a dataset or a mart."""
        return name in self.names and self.first <= business_date <= self.last


@dataclass(frozen=True, kw_only=True)
class BytesWritten:
    """Bytes that a run wrote for a date, and when."""

    bytes: int
    at: datetime


@dataclass(frozen=True, kw_only=True)
class BackfillProgress:
    """The progress of a backfill in one dataset or mart.

    `progress` gives the progress of each date. `per_minute` counts dates and `bytes_per_second` staged Parquet, both
    over the last ten minutes, or over the whole backfill once it has ended; None before anything ended. `ends_at` is an
    estimate.
    """

    name: str
    progress: Mapping[date, DateProgress]
    per_minute: float | None = None
    bytes_per_second: float | None = None
    ends_at: datetime | None = None

    def count(self, state: DateProgress) -> int:
        """Return the number of dates with this progress."""
        return sum(1 for each in self.progress.values() if each is state)

    @property
    def left(self) -> int:
        """Return the number of dates that are not done yet."""
        return self.count(DateProgress.REMAINING) + self.count(DateProgress.RUNNING)


def fold_progress(
    name: str,
    dates: Collection[date],
    *,
    attempts: Sequence[Attempt],
    runs: Sequence[BackfillRun],
    written: Iterable[BytesWritten] = (),
    inputs: Iterable["BackfillProgress"] = (),
    now: datetime,
) -> BackfillProgress:
    """Fold the attempts of a backfill's runs, oldest first, into the progress of each of its dates.

    `inputs` is the progress of what a mart reads: a date that was not published there cannot be built.
    """
    ours = {run.run_id: run for run in runs}
    tries = [a for a in attempts if a.run_id in ours and a.step not in NOT_ATTEMPTS and a.business_date in dates]
    last = {a.business_date: a for a in tries}
    blocked = {day for work in inputs for day, word in work.progress.items() if word in _NOT_PUBLISHED}
    words = {day: _word(name, day, last.get(day), ours) for day in sorted(dates)}
    words = {d: DateProgress.BLOCKED if w is DateProgress.REMAINING and d in blocked else w for d, w in words.items()}
    left = sum(1 for w in words.values() if w in {DateProgress.REMAINING, DateProgress.RUNNING})
    since, until = _window(tries, now, over=not left)
    ended = [a for a in last.values() if a.outcome is not AttemptOutcome.STARTED and since <= a.recorded_at <= until]
    if not ended:
        return BackfillProgress(name=name, progress=words)
    seconds = max((until - since).total_seconds(), 1.0)
    rate = len(ended) / seconds
    total = sum(w.bytes for w in written if since <= w.at <= until)
    return BackfillProgress(
        name=name,
        progress=words,
        per_minute=60 * rate,
        bytes_per_second=total / seconds,
        ends_at=now + timedelta(seconds=left / rate) if left else None,
    )


def _word(name: str, day: date, last: Attempt | None, runs: Mapping[str, BackfillRun]) -> DateProgress:
    if last is not None and last.outcome is not AttemptOutcome.STARTED:
        return _ENDED[last.outcome]
    covering = [run for run in runs.values() if run.covers(name, day)]
    if last is not None and not runs[last.run_id].ended:
        return DateProgress.RUNNING
    # Its run is gone: killed, canceled, or ended before it was tried. Another run may have taken its place.
    return DateProgress.FAILED if covering and all(run.ended for run in covering) else DateProgress.REMAINING


def _window(tries: Sequence[Attempt], now: datetime, *, over: bool) -> tuple[datetime, datetime]:
    began = tries[0].recorded_at if tries else now
    if over:
        return began, tries[-1].recorded_at if tries else now
    return max(began, now - RATE_WINDOW), now


@dataclass(frozen=True, kw_only=True)
class BackfillConditions:
    """The conditions that may make a backfill wait.

    `paused` and `stopped` are sentences, `taken` names the runs in the slots. `ending` is set when the backfill was
    canceled and no more runs will start. `throttled` names the tables whose write budget is used up.
    """

    over: bool
    daemon: bool
    ending: bool = False
    paused: str = ""
    stopped: tuple[str, ...] = ()
    queued: int = 0
    started: int = 0
    requested: bool = True
    waiting: int = 0
    taken: str = ""
    throttled: tuple[str, ...] = ()


def why_waiting(found: BackfillConditions) -> tuple[str, ...]:
    """Return why a backfill waits, the most pressing reason first; empty when it runs or has ended."""
    if found.over:
        return ()
    reasons: list[str] = [] if found.daemon else [why.DAEMON_STOPPED()]
    if found.ending:
        return (*reasons, why.BACKFILL_ENDING())
    reasons += [why.BACKFILL_PAUSED(paused=found.paused)] if found.paused else []
    reasons += list(found.stopped)
    if found.daemon and not found.requested:
        reasons.append(why.RUNS_NOT_REQUESTED())
    if found.queued and not found.started and not found.paused:
        reasons.append(why.RUNS_QUEUED(runs=found.queued, slots_taken=found.taken))
    reasons += list(found.throttled)
    if found.waiting:
        reasons.append(why.DATES_WAITING(dates=found.waiting))
    return tuple(reasons)
