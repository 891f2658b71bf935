"""Conditions of the data that raise alerts: late, quarantined, provisional, restated, not fresh, orphaned."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from settlement_platform.control.alerts.episodes import AlertKind, AlertSeverity, Condition
from settlement_platform.control.facts import Attempt, AttemptOutcome, Publication, State
from settlement_platform.control.publishing.partition_state import Pending
from settlement_platform.control.reasons import alerts as sentences
from settlement_platform.control.timeliness.freshness import Freshness
from settlement_platform.control.timeliness.lateness import Lateness

AT_RISK_BEFORE = timedelta(minutes=60)
ORPHANED_AFTER = timedelta(hours=6)
"""Longer than a run may take, and than the longest wait before a retry."""

RESTATED_FOR = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class AlertSubject:
    """The dataset or mart of an alert; `readers` are the marts built from it."""

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
        """Return a condition from its summary, its meaning for readers and the first move; `key` is added to the date.

        Only subjects declared critical raise critical alerts.
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
    """Return a warning when a source is later than known, and an escalation when it needs attention.

    After the escalation, a warning only stays open if it was given before. `cut` is the provisional publication that
    readers see meanwhile.
    """
    summary = sentences.FILES_LATE(reasons=lateness.reasons)
    meaning = sentences.LATE_MEANS(dataset=subject.name, business_date=day)
    if cut:
        meaning = sentences.LATE_BESIDE_PROVISIONAL_MEANS(
            dataset=subject.name, business_date=day, generation=cut.generation, missing=_missing(cut)
        )
    move = f"settlement explain {subject.name} {day}"
    found = []
    if lateness.is_late:
        found.append(
            subject.condition(
                AlertKind.LATE, AlertSeverity.WARNING, day, summary, meaning, move, begins=not lateness.is_escalated
            )
        )
    if lateness.is_escalated:
        found.append(subject.condition(AlertKind.ESCALATED, AlertSeverity.CRITICAL, day, summary, meaning, move))
    return found


def quarantine_condition(
    subject: AlertSubject, day: date, pending: Pending, published: Publication | None
) -> Condition:
    """Return the condition of content that waits in quarantine or for approval.

    Content that was released or corrected and is not published yet keeps an open episode open: a pause may hold it.
    """
    if published:
        meaning = sentences.QUARANTINE_BESIDE_PUBLISHED_MEANS(
            business_date=day, generation=published.generation, state=published.state
        )
    else:
        meaning = sentences.QUARANTINE_MEANS(business_date=day)
    severity = AlertSeverity.WARNING if published else AlertSeverity.CRITICAL
    summary, move, begins = _held_back(subject, day, pending)
    return subject.condition(AlertKind.QUARANTINED, severity, day, summary, meaning, move, begins=begins)


def _held_back(subject: AlertSubject, day: date, pending: Pending) -> tuple[str, str, bool]:
    """Return the summary, the first move, and whether an episode begins."""
    place, summary = f"{subject.name} {day}", sentences.DATE_HELD(reasons=pending.reasons)
    if pending.state is State.QUARANTINED:
        return summary, f"settlement quarantine show {place}", True
    if pending.awaits_approval:
        move = f"settlement approve {place} --reason … (settlement quarantine discard {place} --reason … declines it)"
        return sentences.APPROVAL_PENDING(reasons=pending.reasons), move, True
    return summary, f"settlement explain {place}", False


def provisional_condition(subject: AlertSubject, cut: Publication) -> Condition:
    """Return the condition of a provisional publication, which lacks sources."""
    missing = _missing(cut)
    summary = sentences.PROVISIONAL(generation=cut.generation, missing=missing, completeness=cut.completeness)
    meaning = sentences.PROVISIONAL_MEANS(business_date=cut.business_date, missing=missing)
    move = f"settlement explain {subject.name} {cut.business_date}"
    return subject.condition(AlertKind.PROVISIONAL, AlertSeverity.INFO, cut.business_date, summary, meaning, move)


def _missing(cut: Publication) -> tuple[str, ...]:
    return cut.missing or ("some files",)


def replaced_condition(subject: AlertSubject, publication: Publication) -> Condition:
    """Return the end of a provisional publication's alert, which names what replaced it."""
    ending = sentences.PROVISIONAL_REPLACED(generation=publication.generation, state=publication.state)
    found = subject.condition(AlertKind.PROVISIONAL, AlertSeverity.INFO, publication.business_date, ending, "", "")
    return replace(found, begins=False, over=True, ending=ending)


def restated_condition(subject: AlertSubject, publication: Publication, behind: tuple[str, ...]) -> Condition:
    """Return the condition of a restatement or rollback; it is over when every mart has followed."""
    day, generation = publication.business_date, publication.generation
    template = sentences.ROLLED_BACK if publication.state is State.ROLLED_BACK else sentences.RESTATED
    move = f"settlement partitions {subject.name} --from {day} --to {day}"
    summary = template(generation=generation, actor=publication.actor, note=publication.reason)
    meaning = sentences.RESTATED_MEANS(business_date=day, marts=behind)
    found = subject.condition(
        AlertKind.RESTATED, AlertSeverity.INFO, day, summary, meaning, move, key=str(publication.generation)
    )
    return replace(found, recurs=False, over=not behind, ending=sentences.RESTATEMENT_FOLLOWED())


def freshness_conditions(
    subject: AlertSubject, fresh: Freshness, now: datetime, *, expected: bool = False
) -> list[Condition]:
    """Return the conditions of a watermark that is about to miss its target, or has missed it.

    Neither begins where the delay is `expected`: the files are known to come later on this day, or the owner was
    notified of the input that is late.
    """
    left, readers = fresh.due_at - now, (subject.name, *subject.readers)
    move = f"settlement explain {subject.name} {fresh.due}"
    found = []
    if left <= AT_RISK_BEFORE:
        risk = sentences.FRESHNESS_AT_RISK(due=fresh.due, due_at=fresh.due_at, left=max(left, timedelta(0)))
        meaning = sentences.FRESHNESS_AT_RISK_MEANS(readers=readers, due=fresh.due)
        in_time = not expected and left >= timedelta(0)
        found.append(
            subject.condition(
                AlertKind.FRESHNESS_AT_RISK, AlertSeverity.WARNING, fresh.due, risk, meaning, move, begins=in_time
            )
        )
    if left < timedelta(0):
        summary = sentences.FRESHNESS_MISSED(reasons=fresh.reasons)
        meaning = sentences.FRESHNESS_MISSED_MEANS(readers=readers, due=fresh.due)
        missed = subject.condition(
            AlertKind.FRESHNESS_MISSED, AlertSeverity.CRITICAL, None, summary, meaning, move, begins=not expected
        )
        found.append(missed)
    return found


def orphan_condition(subject: AlertSubject, attempt: Attempt) -> Condition:
    """Return the condition of an attempt that never ended, or failed, long ago: nothing has tried the date since."""
    day = attempt.business_date
    summary = sentences.WORK_ORPHANED(step=attempt.step, began_at=attempt.recorded_at)
    if attempt.outcome is AttemptOutcome.FAILED:
        summary = sentences.WORK_NOT_RETRIED(step=attempt.step, failed_at=attempt.recorded_at, detail=attempt.detail)
    meaning = sentences.WORK_ORPHANED_MEANS(business_date=day)
    move = f"settlement materialize {subject.name} --from {day} --to {day}"
    return subject.condition(AlertKind.ORPHANED_WORK, AlertSeverity.WARNING, day, summary, meaning, move)
