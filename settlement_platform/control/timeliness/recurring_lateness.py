"""Recurring lateness: sources that are late on the same weekday as a rule, and the policy that would declare it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

from settlement_platform.control.facts import Arrival
from settlement_platform.control.policies import RecurringLateness, Timeliness
from settlement_platform.control.timeliness.calendars import WEEKDAY_NAMES

LATE_AFTER = timedelta(minutes=10)
"""The lateness from which a source counts as late."""

BACKLOAD_AFTER = timedelta(days=1)
"""The lateness from which an arrival is loaded history or an outage, and says nothing about its weekday."""

_RECENT, _LATE_OF_RECENT = 4, 3
_ENOUGH, _LATE_SHARE = 4, 0.75
_OUTLIER = 2
_STEP = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class LatenessPattern:
    """The pattern of one source's first deliveries on one weekday, counted from Monday, 0, of the day they are due.

    Lateness is against `expected_by`, below 0 when early. `late` counts deliveries later than tolerated, `left_out`
    those more than a day late. `suggested` is set when the source is late as a rule, and `declared` is the lateness
    that the policy already declares.
    """

    source: str
    weekday: int
    count: int
    late: int
    median: timedelta
    worst: timedelta
    left_out: int = 0
    suggested: RecurringLateness | None = None
    declared: timedelta = timedelta(0)

    @property
    def covered(self) -> bool:
        """Return whether the declared policy already allows for it."""
        return self.suggested is not None and self.suggested.by <= self.declared


def find_lateness_patterns(arrivals: Iterable[Arrival], timeliness: Timeliness) -> list[LatenessPattern]:
    """Return the pattern of every source and weekday with any arrival, by source and weekday."""
    first: dict[tuple[str, date], datetime] = {}
    for arrival in arrivals:
        key = arrival.source, arrival.business_date
        first[key] = min(arrival.observed_at, first.get(key, arrival.observed_at))
    grouped: dict[tuple[str, int], list[tuple[date, timedelta]]] = defaultdict(list)
    for (source, day), observed in sorted(first.items()):
        usual = timeliness.moment(day, timeliness.expected_by)
        grouped[source, usual.weekday()].append((day, observed - usual))
    return [_pattern(source, weekday, found, timeliness) for (source, weekday), found in sorted(grouped.items())]


def _pattern(
    source: str, weekday: int, found: Sequence[tuple[date, timedelta]], timeliness: Timeliness
) -> LatenessPattern:
    lateness = [late for _, late in found if late <= BACKLOAD_AFTER]
    known = timeliness.allowance(found[0][0], source)
    return LatenessPattern(
        source=source,
        weekday=weekday,
        count=len(lateness),
        late=sum(late > LATE_AFTER for late in lateness),
        median=_median(lateness),
        worst=max(lateness, default=timedelta(0)),
        left_out=len(found) - len(lateness),
        suggested=_suggest(source, weekday, lateness),
        declared=known.by if known else timedelta(0),
    )


def _suggest(source: str, weekday: int, lateness: Sequence[timedelta]) -> RecurringLateness | None:
    """Return an allowance if the source is late as a rule, from its `lateness` in the order of dates."""
    late = [each for each in lateness if each > LATE_AFTER]
    recently = sum(each > LATE_AFTER for each in lateness[-_RECENT:])
    as_a_rule = len(lateness) >= _ENOUGH and len(late) >= _LATE_SHARE * len(lateness)
    if recently < _LATE_OF_RECENT and not as_a_rule:
        return None
    # One morning on which everything went wrong is no reason to wait as long on all others.
    usual = [each for each in late if each <= _OUTLIER * _median(late)]
    steps = -(-max(usual) // _STEP)
    note = f"late on {len(late)} of {len(lateness)} {WEEKDAY_NAMES[weekday]}s"
    return RecurringLateness(weekday=weekday, by=steps * _STEP, sources=(source,), note=note)


def _median(spans: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(s.total_seconds() for s in spans)) if spans else timedelta(0)


def as_declaration(policy: RecurringLateness) -> str:
    """Return the policy as a line of a dataset's declaration."""
    minutes = int(policy.by.total_seconds() // 60)
    sources = "".join(f'"{source}", ' for source in policy.sources).rstrip(" ")
    return (
        f"RecurringLateness(weekday={policy.weekday}, by=timedelta(minutes={minutes}), sources=({sources}), "
        f'note="{policy.note}"),'
    )
