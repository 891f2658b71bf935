"""Alert episodes: the events on record, and which episodes begin or end now."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from settlement_platform.control.reasons import alerts as sentences
from settlement_platform.control.reasons.reason import ReasonTemplate, reason_codes


@dataclass(frozen=True, kw_only=True)
class AlertEvent:
    """The beginning or the end of an episode: `event` is `raised` or `resolved`, once each per `episode`.

    `meaning` is the meaning for readers, `first_move` the first thing to do. `codes` gives the code and parameters of
    `summary` and `meaning` by these names; None on records made before codes were recorded.
    """

    episode: str
    event: str
    kind: str
    severity: str
    dataset: str
    business_date: date | None
    owner: str
    summary: str
    meaning: str
    first_move: str
    recorded_at: datetime
    codes: Mapping[str, Any] | None = None

    @property
    def about(self) -> str:
        """Return the dataset or store, with the business date if there is one."""
        return f"{self.dataset} {self.business_date}" if self.business_date else self.dataset


@dataclass(frozen=True, kw_only=True)
class AlertDelivery:
    """One try to notify the owner of an episode's beginning or end."""

    episode: str
    event: str
    dataset: str
    business_date: date | None
    delivered: bool
    detail: str
    recorded_at: datetime


RAISED, RESOLVED = "raised", "resolved"


class AlertKind(StrEnum):
    """The kinds of alerts; each has a runbook of this name."""

    LATE = "late"
    ESCALATED = "escalated"
    PROVISIONAL = "provisional"
    QUARANTINED = "quarantined"
    RESTATED = "restated"
    BREAKER_OPEN = "breaker_open"
    FRESHNESS_AT_RISK = "freshness_at_risk"
    FRESHNESS_MISSED = "freshness_missed"
    BACKFILL_STALLED = "backfill_stalled"
    RUN_STALLED = "run_stalled"
    RETRY_STORM = "retry_storm"
    ORPHANED_WORK = "orphaned_work"


class AlertSeverity(StrEnum):
    """The severities of alerts, by how much they matter to readers."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A condition that holds now; it is one episode for as long as its `key` is found without a break.

    `begins` is false where the condition only keeps an earlier episode open. `recurs` is false for a single event that
    is notified once. `over` is set when it has ended, and `ending` says how.
    """

    key: str
    kind: AlertKind
    severity: AlertSeverity
    dataset: str
    business_date: date | None
    owner: str
    summary: str
    meaning: str
    first_move: str
    begins: bool = True
    recurs: bool = True
    over: bool = False
    ending: str = ""


@dataclass(frozen=True, kw_only=True)
class EpisodeChanges:
    """The episodes that began and ended, to be recorded and notified."""

    raised: tuple[AlertEvent, ...] = ()
    resolved: tuple[AlertEvent, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EvaluatedScope:
    """The scope that could be evaluated: whole kinds of alerts, and pairs of kind and dataset."""

    kinds: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()

    def covers(self, event: AlertEvent) -> bool:
        """Return whether the episode of this event may end."""
        return event.kind in self.kinds or (event.kind, event.dataset) in self.pairs


EVERYTHING_EVALUATED = EvaluatedScope(kinds=frozenset(AlertKind))


def episode_changes(
    conditions: Iterable[Condition],
    events: Iterable[AlertEvent],
    *,
    now: datetime,
    judged: EvaluatedScope = EVERYTHING_EVALUATED,
) -> EpisodeChanges:
    """Return the episodes that begin and end now.

    `events` are those of every open episode and of every key among the conditions. Episodes outside the evaluated scope
    stay as they are.
    """
    recorded = list(events)
    holding: dict[str, Condition] = {}
    for condition in conditions:
        holding.setdefault(condition.key, condition)
    still_open = {condition_key(e.episode): e for e in open_episodes(recorded)}
    times = Counter(condition_key(e.episode) for e in recorded if e.event == RAISED)
    raised = [
        _beginning(c, times[c.key], now)
        for c in holding.values()
        if c.key not in still_open and c.begins and (c.recurs or not times[c.key])
    ]
    resolved = [
        _ending(e, holding.get(key), now)
        for key, e in still_open.items()
        if judged.covers(e) and (key not in holding or holding[key].over)
    ]
    return EpisodeChanges(raised=tuple(raised), resolved=tuple(resolved))


def open_episodes(events: Sequence[AlertEvent]) -> list[AlertEvent]:
    """Return the beginnings of the episodes that have not ended."""
    ended = {e.episode for e in events if e.event == RESOLVED}
    return [e for e in events if e.event == RAISED and e.episode not in ended]


def condition_key(episode: str) -> str:
    """Return the condition's key of an episode: the second episode of the key `late:x` is called `late:x#2`."""
    return re.sub(r"#[0-9]+$", "", episode)


def sentence_codes(summary: str, meaning: str) -> dict[str, Any] | None:
    """Return the code and parameters of an alert's sentences by name; None where neither has a code."""
    codes = reason_codes((summary, meaning))
    return None if codes is None else dict(zip(("summary", "meaning"), codes, strict=True))


def _beginning(condition: Condition, times_before: int, now: datetime) -> AlertEvent:
    return AlertEvent(
        episode=f"{condition.key}#{times_before + 1}" if times_before else condition.key,
        event=RAISED,
        kind=condition.kind,
        severity=condition.severity,
        dataset=condition.dataset,
        business_date=condition.business_date,
        owner=condition.owner,
        summary=condition.summary,
        meaning=condition.meaning,
        first_move=condition.first_move,
        recorded_at=now,
        codes=sentence_codes(condition.summary, condition.meaning),
    )


_ENDINGS: Mapping[str, ReasonTemplate] = {
    AlertKind.LATE: sentences.FILES_ARRIVED,
    AlertKind.ESCALATED: sentences.FILES_ARRIVED,
    AlertKind.PROVISIONAL: sentences.NO_LONGER_PROVISIONAL,
    AlertKind.QUARANTINED: sentences.NO_LONGER_HELD,
    AlertKind.RESTATED: sentences.RESTATEMENT_FOLLOWED,
    AlertKind.BREAKER_OPEN: sentences.BREAKER_CLOSED,
    AlertKind.FRESHNESS_AT_RISK: sentences.DATE_PUBLISHED,
    AlertKind.FRESHNESS_MISSED: sentences.READERS_UP_TO_DATE,
    AlertKind.BACKFILL_STALLED: sentences.BACKFILL_RESUMED,
    AlertKind.RUN_STALLED: sentences.RUN_PROGRESSED,
    AlertKind.RETRY_STORM: sentences.RETRIES_ENDED,
    AlertKind.ORPHANED_WORK: sentences.WORK_RESUMED,
}


def _ending(event: AlertEvent, last: Condition | None, now: datetime) -> AlertEvent:
    ending = (last and last.ending) or _ENDINGS.get(event.kind, sentences.EPISODE_OVER)()
    summary = sentences.EPISODE_ENDED(ending=ending, lasted=now - event.recorded_at)
    meaning = sentences.NOTHING_TO_DO()
    return replace(
        event,
        event=RESOLVED,
        severity=AlertSeverity.INFO,
        summary=summary,
        meaning=meaning,
        first_move="",
        recorded_at=now,
        codes=sentence_codes(summary, meaning),
    )
