"""Conditions of the platform that raise alerts: open circuit breakers, retry storms, stalled backfills and runs."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from settlement_platform.control.alerts.episodes import AlertKind, AlertSeverity, Condition
from settlement_platform.control.reasons import alerts as sentences

STALLED_AFTER = timedelta(hours=1)
_RESET = "settlement reset-breaker {name} --reason 'it answers again'"


@dataclass(frozen=True, kw_only=True)
class PlatformProblem:
    """An open circuit breaker or a retry storm, by `name`; `until` is its next probe (None: it waits for an operator).

    `owner` is who gets the alert; empty stands for everyone, as for a store that all datasets share.
    """

    name: str
    since: datetime
    until: datetime | None = None
    reasons: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class RunningBackfill:
    """The progress of a running backfill: partitions requested and ended, and when it last progressed."""

    name: str
    requested: int
    done: int
    last_progress: datetime
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class ActiveRun:
    """A run that executes: its range of business dates, when it began, and when a step of it last began or ended.

    `queued` counts the runs that wait for a slot meanwhile.
    """

    name: str
    dataset: str
    first: date
    last: date
    began_at: datetime
    last_progress: datetime
    queued: int = 0
    owner: str = ""


def breaker_condition(breaker: PlatformProblem) -> Condition:
    """Return the condition of an open circuit breaker: nothing is launched that needs what it guards."""
    template = sentences.BREAKER_RETRIES if breaker.until else sentences.BREAKER_WAITS
    return _condition(
        AlertKind.BREAKER_OPEN,
        AlertSeverity.CRITICAL,
        breaker,
        summary=template(since=breaker.since, until=breaker.until, reasons=breaker.reasons),
        meaning=sentences.BREAKER_MEANS(name=breaker.name),
        first_move=_RESET.format(name=breaker.name) if breaker.until is None else "settlement doctor",
        episode=f":{_key(breaker.since)}",
    )


def breaker_handover_condition(breaker: PlatformProblem) -> Condition:
    """Return the condition of a breaker that opened so often in a row that an operator must act."""
    return _condition(
        AlertKind.RETRY_STORM,
        AlertSeverity.CRITICAL,
        breaker,
        summary=sentences.BREAKER_HANDED_OVER(since=breaker.since, reasons=breaker.reasons),
        meaning=sentences.BREAKER_HANDED_OVER_MEANS(name=breaker.name),
        first_move=_RESET.format(name=breaker.name),
    )


def retry_storm_condition(storm: PlatformProblem) -> Condition:
    """Return the warning that the same work is retried over and over."""
    return _condition(
        AlertKind.RETRY_STORM,
        AlertSeverity.WARNING,
        storm,
        summary=sentences.RETRIES_SINCE(since=storm.since, reasons=storm.reasons),
        meaning=sentences.RETRIES_MEAN(),
        first_move="settlement doctor",
    )


def stalled_backfill_condition(backfill: RunningBackfill, now: datetime) -> Condition | None:
    """Return the condition of a backfill with work left that ended nothing for an hour; None for any other."""
    still = now - backfill.last_progress
    if backfill.done >= backfill.requested or still <= STALLED_AFTER:
        return None
    left = backfill.requested - backfill.done
    return _condition(
        AlertKind.BACKFILL_STALLED,
        AlertSeverity.WARNING,
        backfill,
        summary=sentences.BACKFILL_STALLED(done=backfill.done, requested=backfill.requested, idle=still),
        meaning=sentences.BACKFILL_STALLED_MEANS(dates=left),
        first_move="settlement backfill status",
    )


def stalled_run_condition(run: ActiveRun, now: datetime) -> Condition | None:
    """Return the condition of a run in which no step began or ended for an hour; None for any other."""
    idle = now - run.last_progress
    if idle <= STALLED_AFTER:
        return None
    return _condition(
        AlertKind.RUN_STALLED,
        AlertSeverity.WARNING,
        run,
        summary=sentences.RUN_STALLED(
            dataset=run.dataset, first=run.first, last=run.last, began_at=run.began_at, idle=idle
        ),
        meaning=sentences.RUN_STALLED_MEANS(queued=run.queued),
        first_move=f"settlement explain {run.dataset} {run.first}",
    )


def _condition(
    kind: AlertKind,
    severity: AlertSeverity,
    about: PlatformProblem | RunningBackfill | ActiveRun,
    *,
    summary: str,
    meaning: str,
    first_move: str,
    episode: str = "",
) -> Condition:
    """Return a condition without a business date; `episode` tells one problem of a name from the next."""
    return Condition(
        key=f"{kind}:{about.name}{episode}",
        kind=kind,
        severity=severity,
        dataset=about.name,
        business_date=None,
        owner=about.owner,
        summary=summary,
        meaning=meaning,
        first_move=first_move,
    )


def _key(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
