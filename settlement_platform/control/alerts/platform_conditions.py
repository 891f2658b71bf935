"""Alerts about the machinery: open circuits, storms of retries and backfills that stand still."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from settlement_platform.control.alerts.episodes import AlertKind, AlertSeverity, Condition
from settlement_platform.control.durations import format_duration

STALLED_AFTER = timedelta(hours=1)


_RESET = "settlement reset-breaker {name} --reason 'it answers again'"


@dataclass(frozen=True, kw_only=True)
class PlatformProblem:
    """An open circuit or a storm of retries: `name` says of what, `until` when it is tried again (None: not by itself).

    `owner` is who has to know; empty stands for everyone, as for a store that all datasets share.
    """

    name: str
    since: datetime
    until: datetime | None = None
    reasons: tuple[str, ...] = ()
    owner: str = ""


@dataclass(frozen=True, kw_only=True)
class RunningBackfill:
    """How far a backfill is: partitions asked for, partitions ended, and when the last one did or when it began."""

    name: str
    requested: int
    done: int
    last_progress: datetime
    owner: str = ""


def breaker_condition(breaker: PlatformProblem) -> Condition:
    """Nothing is launched that needs what the breaker guards."""
    again = f"it is tried again at {_moment(breaker.until)}" if breaker.until else "it waits for an operator"
    return _condition(
        AlertKind.BREAKER_OPEN,
        AlertSeverity.CRITICAL,
        breaker,
        summary="; ".join((f"open since {_moment(breaker.since)}, {again}", *breaker.reasons)),
        meaning=f"nothing new that needs {breaker.name} is published; what is published stays readable",
        first_move=_RESET.format(name=breaker.name) if breaker.until is None else "settlement doctor",
        episode=f":{_key(breaker.since)}",
    )


def breaker_handover_condition(breaker: PlatformProblem) -> Condition:
    """A storm of retries was cut: the breaker opened so often in a row that it is an operator's turn."""
    return _condition(
        AlertKind.RETRY_STORM,
        AlertSeverity.CRITICAL,
        breaker,
        summary="; ".join((f"handed to an operator, open since {_moment(breaker.since)}", *breaker.reasons)),
        meaning=f"nothing new that needs {breaker.name} is published before that is mended; "
        "what is published stays readable",
        first_move=_RESET.format(name=breaker.name),
    )


def retry_storm_condition(storm: PlatformProblem) -> Condition:
    """The same thing is tried again and again."""
    return _condition(
        AlertKind.RETRY_STORM,
        AlertSeverity.WARNING,
        storm,
        summary="; ".join((f"since {_moment(storm.since)}", *storm.reasons)),
        meaning="dates may be published later than usual; nothing is published twice",
        first_move="settlement doctor",
    )


def stalled_backfill_condition(backfill: RunningBackfill, now: datetime) -> Condition | None:
    """A backfill that has work left and has ended nothing for an hour; None for any other."""
    still = now - backfill.last_progress
    if backfill.done >= backfill.requested or still <= STALLED_AFTER:
        return None
    left = backfill.requested - backfill.done
    return _condition(
        AlertKind.BACKFILL_STALLED,
        AlertSeverity.WARNING,
        backfill,
        summary=f"{backfill.done} of {backfill.requested} partitions are done, and none for {format_duration(still)}",
        meaning=f"{left} older dates stay as they were; current dates have slots of their own",
        first_move="settlement backfill status",
    )


def _condition(
    kind: AlertKind,
    severity: AlertSeverity,
    about: PlatformProblem | RunningBackfill,
    *,
    summary: str,
    meaning: str,
    first_move: str,
    episode: str = "",
) -> Condition:
    """What concerns no business date; `episode` tells one trouble of a name from the next."""
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


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _key(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
