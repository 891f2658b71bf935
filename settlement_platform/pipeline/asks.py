"""What to ask for of the business dates that a look at the landing zone found, from all that is on record of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from settlement_platform.control.arrival_history import find_repeated
from settlement_platform.control.arrivals import Ask, Expectation, Seen, decide_ask
from settlement_platform.control.facts import OperatorAction, Standing
from settlement_platform.control.rulings import NO_RULINGS, fold_rulings, fold_skip
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landed_date import LandedDate
from settlement_platform.pipeline.platform import Platform, Request


@dataclass(frozen=True, kw_only=True)
class Known:
    """A dataset and what is on record about it."""

    platform: Platform
    dataset: Dataset
    request: Request
    now: datetime
    standings: Mapping[date, Standing]
    actions: Sequence[OperatorAction]


def decide_asks(known: Known, found: Mapping[date, LandedDate]) -> dict[date, Ask]:
    """What to do about every date, with the verdicts on all contents that are not published."""
    dataset = known.dataset
    expectation = Expectation(
        dataset=dataset.name,
        timeliness=dataset.timeliness,
        calendar=dataset.calendar,
        required=dataset.required,
        provisional=dataset.provisional,
        recompute_window=dataset.recompute_window,
    )
    standing = {day: s.content_hash for day, s in known.standings.items()}
    states = {day: s.state for day, s in known.standings.items()}
    contents = {day: f.content_hash for day, f in found.items()}
    unpublished = [day for day, c in contents.items() if c is None or c != standing.get(day)]
    verdicts = known.platform.ledger.verdicts_on([c for day in unpublished if (c := contents[day])])
    asks = {}
    for day in unpublished:
        history = found[day].history
        seen = Seen(
            business_date=day,
            inputs=found[day].inputs,
            content_hash=contents[day],
            anything=found[day].anything,
            overtaken=tuple(found[day].overtaken.values()),
            repeated=find_repeated(history),
            standing=known.standings.get(day),
            verdict=verdicts.get(contents[day] or ""),
            rulings=fold_rulings(known.actions, day) if known.actions else NO_RULINGS,
            skipped=fold_skip(known.actions, day, standing=states.get(day), arrivals=history),
        )
        asks[day] = decide_ask(seen, expectation, known.now)
    return asks
