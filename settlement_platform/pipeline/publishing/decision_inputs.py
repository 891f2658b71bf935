"""What bears on a decision about a business date: operators' rulings, the calendar, a due cut, limits."""

from collections.abc import Iterable
from datetime import date, datetime

from settlement_platform.control.facts import Arrival, OperatorAction, Publication, Standing, State
from settlement_platform.control.landing.deliveries import DateInputs
from settlement_platform.control.publishing.gate import Decision, Move, Rules
from settlement_platform.control.publishing.operator_overrides import file_id, fold_rulings, fold_skip, why_returning
from settlement_platform.control.timeliness.provisional import cut_due, nothing_expected
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.landing.land import Landed


def rules_of(
    dataset: Dataset,
    business_date: date,
    inputs: DateInputs,
    arrived: Iterable[Arrival],
    actions: Iterable[OperatorAction],
    now: datetime,
) -> Rules:
    """The rules for what is delivered of a business date, which has `arrived` as these files."""
    rulings = fold_rulings(actions, business_date)
    return Rules(
        rulings=rulings,
        returning=why_returning(rulings, (file_id(a.source, a.sha256) for a in arrived)),
        cut=cut_due(dataset.provisional, dataset.timeliness, inputs, required=dataset.required, now=now),
        limits=dataset.restating,
        second_person=dataset.roles.second_person,
    )


def why_not_expected(
    dataset: Dataset, business_date: date, inputs: DateInputs, current: Standing | None, now: datetime
) -> str:
    """Why a date without any file is recorded as not expected; empty where it is not, or is something else already."""
    if inputs.anything or (current and current.state is not State.NOT_EXPECTED):
        return ""
    return nothing_expected(dataset.calendar, dataset.timeliness, business_date, now=now)


def nothing_new(landed: Landed | None, publication: Publication | None) -> Decision | None:
    """The decision where all that is still delivered is part of what stands: files may have been archived.

    What a provisional cut lacks is still waited for.
    """
    if landed is None or publication is None:
        return None
    used = {(s.source, s.sha256) for s in publication.sources}
    if any((i.arrival.source, i.arrival.sha256) not in used for i in landed.landed):
        return None
    reason = f"generation {publication.generation} stands, and nothing else is delivered"
    lacking = tuple(w for w in landed.inputs.waiting if w.partition(":")[0] in publication.missing)
    return Decision(
        move=Move.ALREADY_PUBLISHED,
        reasons=(reason, *lacking),
        state=publication.state,
        generation=publication.generation,
    )


def as_skipped(
    actions: Iterable[OperatorAction], current: Standing | None, arrivals: Iterable[Arrival]
) -> Decision | None:
    """The decision where an operator skipped the date and nothing arrived since: nothing delivered is waited for.

    `arrivals` are all that are on record of the date.
    """
    if current is None:
        return None
    skipped = fold_skip(actions, current.business_date, standing=current.state, arrivals=arrivals)
    if not skipped:
        return None
    return Decision(move=Move.ALREADY_PUBLISHED, reasons=(skipped,), state=current.state, generation=current.generation)
