"""From facts to what is wrong now, in the words of those who read the data."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from settlement_platform.control.alerts.episodes import AlertKind, AlertSeverity, Condition
from settlement_platform.control.durations import format_duration
from settlement_platform.control.facts import Attempt, Publication, State
from settlement_platform.control.publishing.partition_state import Pending
from settlement_platform.control.timeliness.freshness import Freshness
from settlement_platform.control.timeliness.lateness import Lateness

AT_RISK_BEFORE = timedelta(minutes=60)


ORPHANED_AFTER = timedelta(hours=6)


RESTATED_FOR = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class AlertSubject:
    """A dataset or mart as alerts speak of it; `readers` are the marts that are built from it."""

    name: str
    owner: str
    criticality: str
    readers: tuple[str, ...] = ()

    def condition(
        self,
        kind: AlertKind,
        severity: AlertSeverity,
        day: date | None,
        *texts: str,
        key: str = "",
        begins: bool = True,
    ) -> Condition:
        """A condition from its summary, its meaning for readers and the first move; `key` is what it adds to the date.

        Only what is declared critical is alerted as critical.
        """
        summary, meaning, first_move = texts
        if severity is AlertSeverity.CRITICAL and self.criticality != "critical":
            severity = AlertSeverity.WARNING
        parts = [kind, self.name, *([day.isoformat()] if day else []), *([key] if key else [])]
        return Condition(
            key=":".join(parts),
            kind=kind,
            severity=severity,
            dataset=self.name,
            business_date=day,
            owner=self.owner,
            summary=summary,
            meaning=meaning,
            first_move=first_move,
            begins=begins,
        )


def lateness_conditions(
    subject: AlertSubject, day: date, lateness: Lateness, cut: Publication | None = None
) -> list[Condition]:
    """A warning when a source is later than it is known to be, and an escalation when waiting is no longer ordinary.

    Once it is escalated, the warning only stays open if it was given before. `cut` is the provisional cut that readers
    see meanwhile.
    """
    reasons = "; ".join(lateness.reasons)
    meaning = f"readers see nothing new of {subject.name} {day}; what is published stays as it is"
    if cut:
        seen = f"generation {cut.generation} of {subject.name} {day}, a provisional cut without {_lacking(cut)}"
        meaning = f"readers see {seen}, until that has come"
    move = f"settlement explain {subject.name} {day}"
    found = []
    if lateness.warns:
        found.append(
            subject.condition(
                AlertKind.LATE, AlertSeverity.WARNING, day, reasons, meaning, move, begins=not lateness.pages
            )
        )
    if lateness.pages:
        found.append(subject.condition(AlertKind.ESCALATED, AlertSeverity.CRITICAL, day, reasons, meaning, move))
    return found


def quarantine_condition(
    subject: AlertSubject, day: date, pending: Pending, published: Publication | None
) -> Condition:
    """What was delivered for the date is held back: in quarantine, or until it is approved.

    What neither is and is not published yet ends nothing: it was released or corrected, and a pause may hold it.
    """
    if published:
        meaning = f"readers go on seeing generation {published.generation} ({published.state}) of {day}"
    else:
        meaning = f"readers see nothing of {day}, and no later date counts as complete before it is there"
    severity = AlertSeverity.WARNING if published else AlertSeverity.CRITICAL
    summary, move, begins = _held_back(subject, day, pending)
    return subject.condition(AlertKind.QUARANTINED, severity, day, summary, meaning, move, begins=begins)


def _held_back(subject: AlertSubject, day: date, pending: Pending) -> tuple[str, str, bool]:
    """What is held back and why, the first move, and whether that begins an episode."""
    place, reasons = f"{subject.name} {day}", "; ".join(pending.reasons)
    if pending.state is State.QUARANTINED:
        return reasons, f"settlement quarantine show {place}", True
    if pending.awaits_approval:
        move = f"settlement approve {place} --reason … (settlement quarantine discard {place} --reason … declines it)"
        return f"it waits for approval: {reasons}", move, True
    return reasons, f"settlement explain {place}", False


def provisional_condition(subject: AlertSubject, cut: Publication) -> Condition:
    """Readers have a cut that is not the whole date."""
    lacks = _lacking(cut)
    summary = (
        f"generation {cut.generation} is a provisional cut without {lacks} ({cut.completeness:.0%} of the sources)"
    )
    meaning = (
        f"the figures of {cut.business_date} lack {lacks} and will change; those of the schema `final` leave it out"
    )
    move = f"settlement explain {subject.name} {cut.business_date}"
    return subject.condition(AlertKind.PROVISIONAL, AlertSeverity.INFO, cut.business_date, summary, meaning, move)


def _lacking(cut: Publication) -> str:
    return ", ".join(cut.missing) or "something"


def replaced_condition(subject: AlertSubject, publication: Publication) -> Condition:
    """Whoever was told of a provisional cut is told what replaced it."""
    ending = f"generation {publication.generation} ({publication.state}) replaced the provisional cut"
    found = subject.condition(AlertKind.PROVISIONAL, AlertSeverity.INFO, publication.business_date, ending, "", "")
    return replace(found, begins=False, over=True, ending=ending)


def restated_condition(subject: AlertSubject, publication: Publication, behind: tuple[str, ...]) -> Condition:
    """Figures that readers have used were replaced; over when every mart has followed."""
    day, generation = publication.business_date, publication.generation
    word = "rolled back" if publication.state is State.ROLLED_BACK else "restated"
    move = f"settlement partitions {subject.name} --from {day} --to {day}"
    summary = f"{word} as generation {generation} by {publication.actor}: {publication.reason}"
    meaning = f"figures of {day} that were read before are out of date"
    if behind:
        meaning += f"; {', '.join(behind)} still show{'s' if len(behind) == 1 else ''} the generation before"
    found = subject.condition(
        AlertKind.RESTATED, AlertSeverity.INFO, day, summary, meaning, move, key=str(publication.generation)
    )
    return replace(found, recurs=False, over=not behind, ending="every mart that reads it has followed")


def freshness_conditions(
    subject: AlertSubject, fresh: Freshness, now: datetime, *, expected: bool = False
) -> list[Condition]:
    """The published watermark is about to miss what readers were promised, or has missed it.

    Neither begins where it is `expected`: the files are known to come later on this day, or the owner is told of the
    input that is behind.
    """
    by = f"{fresh.due_at:%Y-%m-%d %H:%M} UTC"
    left = fresh.due_at - now
    reach = f"{', '.join((subject.name, *subject.readers))} cannot be relied on from {fresh.due} on"
    move = f"settlement explain {subject.name} {fresh.due}"
    found = []
    if left <= AT_RISK_BEFORE:
        summary = f"{fresh.due} is due by {by}, in {format_duration(max(left, timedelta(0)))}, and is not published"
        meaning = f"{reach} if it is not published by then"
        in_time = not expected and left >= timedelta(0)
        found.append(
            subject.condition(
                AlertKind.FRESHNESS_AT_RISK, AlertSeverity.WARNING, fresh.due, summary, meaning, move, begins=in_time
            )
        )
    if left < timedelta(0):
        summary = "; ".join(fresh.reasons)
        missed = subject.condition(
            AlertKind.FRESHNESS_MISSED, AlertSeverity.CRITICAL, None, summary, reach, move, begins=not expected
        )
        found.append(missed)
    return found


def orphan_condition(subject: AlertSubject, attempt: Attempt) -> Condition:
    """Work on a date began long ago and never ended; publishing is one transaction, so readers see none of it."""
    day = attempt.business_date
    summary = f"the step {attempt.step} began at {attempt.recorded_at:%Y-%m-%d %H:%M} UTC and never ended"
    meaning = f"nothing half-done of {day} is visible; it stays as it was until somebody works on it again"
    move = f"settlement materialize {subject.name} --from {day} --to {day}"
    return subject.condition(AlertKind.ORPHANED_WORK, AlertSeverity.WARNING, day, summary, meaning, move)
