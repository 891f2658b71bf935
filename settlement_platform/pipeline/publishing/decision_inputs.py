"""Inputs of the decision on a business date: operators' overrides, the calendar, a due provisional cut, limits."""

from collections.abc import Iterable
from datetime import date, datetime

from settlement_platform.control.facts import Arrival, CurrentPublication, OperatorAction, Publication, State
from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.control.publishing.gate import Action, Decision, DecisionInputs
from settlement_platform.control.publishing.operator_overrides import (
    fold_overrides,
    fold_skip,
    source_file_id,
    why_rolled_back_file,
)
from settlement_platform.control.reasons.publishing import NOTHING_NEW
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.timeliness.provisional import why_no_file_expected, why_provisional
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landing.land import LandedDeliveries


def decision_inputs(
    dataset: Dataset,
    business_date: date,
    inputs: DateDeliveries,
    landed: LandedDeliveries | None,
    actions: Iterable[OperatorAction],
    now: datetime,
) -> DecisionInputs:
    """Return the inputs of the decision on a date's deliveries; `landed` is None while one is not on record."""
    overrides = fold_overrides(actions, business_date, same_contents=landed.same_contents if landed else {})
    arrived = landed.arrivals if landed else ()
    return DecisionInputs(
        overrides=overrides,
        why_rolled_back_file=why_rolled_back_file(overrides, (source_file_id(a.source, a.sha256) for a in arrived)),
        why_provisional=why_provisional(
            dataset.provisional, dataset.timeliness, inputs, required=dataset.required, now=now
        ),
        limits=dataset.restating,
        second_person=dataset.roles.second_person,
    )


def why_not_expected(
    dataset: Dataset, business_date: date, inputs: DateDeliveries, current: CurrentPublication | None, now: datetime
) -> Reason | None:
    """Return why a date without files is recorded as not expected; None where it is not, or has another state."""
    if inputs.anything or (current and current.state is not State.NOT_EXPECTED):
        return None
    return why_no_file_expected(dataset.calendar, dataset.timeliness, business_date, now=now)


def decide_nothing_new(landed: LandedDeliveries | None, publication: Publication | None) -> Decision | None:
    """Return the decision if every file that is still delivered is part of the publication; else None.

    Files may have been archived since. A provisional publication still waits for its missing sources.
    """
    if landed is None or publication is None:
        return None
    used = {(s.source, s.sha256) for s in publication.sources}
    if any((i.arrival.source, i.arrival.sha256) not in used for i in landed.landed):
        return None
    reason = NOTHING_NEW(generation=publication.generation, state=publication.state)
    lacking = tuple(w for w in landed.inputs.waiting if w.parameters["source"] in publication.missing)
    return Decision(
        action=Action.ALREADY_PUBLISHED,
        reasons=(reason, *lacking),
        state=publication.state,
        generation=publication.generation,
    )


def decide_skipped(
    actions: Iterable[OperatorAction], current: CurrentPublication | None, arrivals: Iterable[Arrival]
) -> Decision | None:
    """Return the decision if an operator skipped the date and nothing has arrived since; else None.

    `arrivals` are all recorded arrivals of the date.
    """
    if current is None:
        return None
    skipped = fold_skip(actions, current.business_date, current_state=current.state, arrivals=arrivals)
    if not skipped:
        return None
    return Decision(
        action=Action.ALREADY_PUBLISHED, reasons=(skipped,), state=current.state, generation=current.generation
    )
