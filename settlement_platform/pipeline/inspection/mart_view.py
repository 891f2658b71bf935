"""Views on a mart's business dates: the publication and the decision of this moment."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from settlement_platform.control.facts import CurrentPublication, Publication, State, Verdict
from settlement_platform.control.policies import date_range
from settlement_platform.control.publishing.gate import decide_publication
from settlement_platform.control.publishing.operator_overrides import OperatorOverrides, fold_overrides
from settlement_platform.control.publishing.partition_state import DeliveryStatus
from settlement_platform.control.reasons.publishing import BUILD_PENDING
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.inspection.date_view import DateView, view_date
from settlement_platform.pipeline.marts.build_mart import (
    describe_missing_inputs,
    mart_content,
    mart_decision_inputs,
    missing_inputs,
    recognized_content,
)
from settlement_platform.pipeline.platform import Platform
from settlement_platform.storage.lake.lake import Lake


def mart_views(platform: Platform, mart: Mart, first: date, last: date) -> list[DateView]:
    """Return the views on every calendar day of a range of a mart: published, outdated, or waiting for inputs."""
    inputs = {name: platform.lake.publications(name, first, last) for name in mart.inputs}
    published = platform.lake.publications(mart.name, first, last)
    verdicts = platform.ledger.verdicts(mart.name, first, last)
    actions = platform.ledger.actions(mart.name)
    return [
        _mart_outlook(
            mart,
            day,
            {n: by_day.get(day) for n, by_day in inputs.items()},
            verdicts,
            published.get(day),
            fold_overrides(actions, day),
        )
        for day in date_range(first, last)
    ]


def _mart_outlook(
    mart: Mart,
    day: date,
    inputs: Mapping[str, Publication | None],
    verdicts: Mapping[str, Verdict],
    current: Publication | None,
    overrides: OperatorOverrides,
) -> DateView:
    present = {name: p for name, p in inputs.items() if p}
    waiting = missing_inputs(mart, day, inputs)
    todays = mart_content(mart, day, present) if not waiting else None
    content = recognized_content(mart, day, present, current, overrides) if not waiting else None
    verdict = verdicts.get(content or "")
    decision = decide_publication(
        content_hash=content or "",
        waiting=waiting or describe_missing_inputs(present),
        verdict=verdict,
        current=current,
        inputs=mart_decision_inputs(present, overrides, current),
        unjudged=BUILD_PENDING(),
    )
    view = view_date(
        day,
        decision,
        content_hash=content,
        verdict=verdict,
        current=current,
        delivered=DeliveryStatus(anything=bool(present)),
    )
    older = content != todays and overrides.confirmed.get(todays or "") != content
    return replace(view, older_contract=older, content_under_contract=todays)


def awaited_inputs(lake: Lake, mart: Mart, business_date: date) -> dict[str, CurrentPublication | None]:
    """Return the inputs of a date that are not completely published, each with its provisional publication, if any."""
    found = {name: lake.current_publications(name).get(business_date) for name in mart.inputs}
    return {name: s for name, s in found.items() if s is None or s.state is State.PROVISIONAL}
