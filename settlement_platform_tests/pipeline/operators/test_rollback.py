"""A rollback restores exactly the older rows of one date, as a new generation, and what it replaced stays away."""

from datetime import date
from typing import Any

import pytest

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.marts.outdated import outdated_dates
from settlement_platform.pipeline.operators.actions import approve
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform_tests.builders import codes
from settlement_platform_tests.deliveries import SOURCES, Delivery, a_row, some_rows
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, Installation
from settlement_platform_tests.pipeline.operating import (
    ANA,
    BEN,
    a_visa,
    actions,
    expected_counts,
    expected_effects,
    history,
    query,
    recorded_counts,
    recorded_effects,
    run,
    states,
    view_of,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.shown_reasons import sentence_of


def _back(installation: Installation, day: date, generation: int) -> DateOutcome:
    """Roll a date back."""
    return roll_back(installation.platform, CARD_SETTLEMENTS, day, generation, ANA)


def _restated(installation: Installation, *, rows: int = 5) -> tuple[date, list[Delivery], list[Delivery]]:
    """A date with two generations: what was delivered first, and what then."""
    day = installation.fresh_date()
    first = installation.deliver(day)
    run(installation.platform, day)
    correction = a_visa(day, rows)
    correction.write(installation.landing)
    run(installation.platform, day)
    return day, first, [correction, *first[1:]]


def _elsewhere(installation: Installation, day: date) -> list[Any]:
    """Everything else that readers see: rows and records of other dates and datasets, every column of them."""
    tables = [NAME, *(m.name for m in MARTS), "publications"]
    return [
        query(installation, f"SELECT * FROM lake.published.{table} WHERE business_date <> ? ORDER BY ALL", day)
        for table in tables
    ]


def test_a_rollback_restores_exactly_the_older_rows(staffed: Installation) -> None:
    """Every column of every row, as a plain DuckDB client reads them; with who did it and why."""
    day, first, second = _restated(staffed)
    before = query(staffed, f"SELECT * FROM lake.published.{NAME} WHERE business_date = ? ORDER BY ALL", day)

    concluded = _back(staffed, day, 1)

    restored = query(staffed, f"SELECT * FROM lake.published.{NAME} WHERE business_date = ? ORDER BY ALL", day)
    one, two, three = history(staffed, day)
    (action,) = actions(staffed, day)
    assert concluded.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows(first)
    assert len(before) != len(restored)
    assert (three.generation, three.state) == (3, "rolled_back")
    assert (three.content_hash, three.rows, three.sources) == (one.content_hash, one.rows, one.sources)
    assert (three.actor, three.reason, three.run_id) == (ANA.actor, ANA.reason, ANA.run_id)
    named = {"content_hash": two.content_hash, "restored": one.content_hash, "from": 2, "to": 1}
    assert {key: action.detail[key] for key in named} == named
    assert recorded_counts(staffed, day, 3) == [(2, *expected_counts(second, first))]
    assert recorded_effects(staffed, day, 3) == expected_effects(second, first)


def test_every_column_of_restored_rows_is_what_it_was(staffed: Installation) -> None:
    """Wide integers, offsets, quotes and non-ASCII text included; types too."""
    day = staffed.fresh_date()
    odd = {"merchant_id": 'Ça, "là", 東京', "amount_minor": str(2**63 - 1), "fee_minor": str(-(2**63))}
    rows = [a_row(day, "visa", 1, **odd, settled_at=f"{day}T23:59:59.123456-11:30"), *some_rows(day, "visa", 3)[1:]]
    staffed.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))
    run(staffed.platform, day)
    everything = f"SELECT * FROM lake.published.{NAME} WHERE business_date = ? ORDER BY ALL"
    types = f"SELECT DISTINCT typeof(COLUMNS(*)) FROM lake.published.{NAME} WHERE business_date = ?"
    was, were = query(staffed, everything, day), query(staffed, types, day)
    a_visa(day, 2).write(staffed.landing)
    run(staffed.platform, day)

    _back(staffed, day, 1)

    assert query(staffed, everything, day) == was
    assert query(staffed, types, day) == were


def test_other_dates_and_datasets_are_untouched(own_staffed: Installation) -> None:
    """Rows and records, to the last column; the files of other dates, to the last byte."""
    for day in (own_staffed.fresh_date() for _ in range(2)):
        own_staffed.deliver(day)
        run(own_staffed.platform, day)
        for mart in MARTS:
            own_staffed.build(mart, day)
    day, _, _ = _restated(own_staffed)
    before = _elsewhere(own_staffed, day)
    files = {p: p.read_bytes() for p in (own_staffed.home / "lake" / "published").rglob("*.parquet")}
    marts = [states(own_staffed, day, m.name) for m in MARTS]

    _back(own_staffed, day, 1)

    assert _elsewhere(own_staffed, day) == before
    assert {p: p.read_bytes() for p in files} == files
    assert [states(own_staffed, day, m.name) for m in MARTS] == marts


def test_what_was_rolled_back_from_is_not_published_again_but_a_further_correction_is(
    staffed: Installation,
) -> None:
    """The delivered file is still the withdrawn one; the next one is judged by itself."""
    day, first, _ = _restated(staffed)
    _back(staffed, day, 1)

    again, looked = run(staffed.platform, day), view_of(staffed, day)
    restored = staffed.rows(day)
    correction = a_visa(day, 7)
    correction.write(staffed.landing)
    corrected = run(staffed.platform, day)

    assert again.decision.action is looked.decision.action is Action.WITHDRAWN
    assert codes(again.decision.reasons) == ["content_rolled_back"]
    assert again.decision.reasons[0].parameters["actor"] == ANA.actor
    assert (looked.state.state, looked.state.pending) == ("rolled_back", None)
    assert restored == expected_rows(first)
    assert corrected.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows([correction, *first[1:]])
    assert states(staffed, day) == ["final", "restated", "rolled_back", "restated"]


def test_a_file_that_was_rolled_back_from_waits_for_a_word_when_another_source_is_corrected(
    staffed: Installation,
) -> None:
    """The whole content is new, and what an operator took out of it is in it again; approved, it is published."""
    day, first, second = _restated(staffed)
    _back(staffed, day, 1)
    amex = Delivery(business_date=day, source="amex", rows=some_rows(day, "amex", 7))
    amex.write(staffed.landing)

    held, looked = run(staffed.platform, day), view_of(staffed, day)
    meanwhile = staffed.rows(day)
    approved = approve(staffed.platform, CARD_SETTLEMENTS, day, BEN)

    assert held.decision.action is looked.decision.action is Action.AWAITING_OPERATOR
    assert codes(held.decision.reasons)[0] == "file_rolled_back"
    assert held.decision.reasons[0].parameters.items() >= {"source": "visa", "actor": ANA.actor}.items()
    assert looked.decision.awaits_approval
    assert meanwhile == expected_rows(first)
    assert approved.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows([*second[:-1], amex])


def test_a_file_that_came_back_with_a_rollback_is_like_any_other(staffed: Installation) -> None:
    """To and fro: only what was taken out last is kept out."""
    day, _, second = _restated(staffed)
    _back(staffed, day, 1)
    _back(staffed, day, 2)
    amex = Delivery(business_date=day, source="amex", rows=some_rows(day, "amex", 7))
    amex.write(staffed.landing)

    published = run(staffed.platform, day)

    assert published.decision.action is Action.PUBLISH
    assert staffed.rows(day) == expected_rows([*second[:-1], amex])


def test_a_rollback_to_and_fro_leaves_what_was_requested_last(staffed: Installation) -> None:
    """Each time as a new generation; the content that is away is the other one."""
    day, first, second = _restated(staffed)
    seen = []

    for generation in (1, 2, 1, 4):
        _back(staffed, day, generation)
        seen.append(staffed.rows(day))
        again = run(staffed.platform, day).decision.action
        assert again is (Action.WITHDRAWN if seen[-1] == expected_rows(first) else Action.ALREADY_PUBLISHED)

    assert seen == [expected_rows(d) for d in (first, second, first, second)]
    assert states(staffed, day)[2:] == ["rolled_back"] * 4
    assert [p.generation for p in history(staffed, day)] == [1, 2, 3, 4, 5, 6]


def test_a_rollback_over_several_generations_restores_the_one_that_was_named(staffed: Installation) -> None:
    """Also after a rollback: any generation that has rows can be named."""
    day, first, second = _restated(staffed)
    a_visa(day, 8).write(staffed.landing)
    run(staffed.platform, day)

    _back(staffed, day, 1)
    oldest = staffed.rows(day)
    _back(staffed, day, 2)

    assert oldest == expected_rows(first)
    assert staffed.rows(day) == expected_rows(second)
    assert run(staffed.platform, day).decision.action is Action.WITHDRAWN


@pytest.mark.parametrize(
    ("generation", "code"),
    [(0, "rollback_target_missing"), (2, "rollback_changes_nothing"), (3, "rollback_target_missing")],
)
def test_what_cannot_be_restored_is_refused_and_nothing_is_changed(
    staffed: Installation, generation: int, code: str
) -> None:
    day, _, second = _restated(staffed)

    with pytest.raises(ActionRefused, match=sentence_of(code, wanted=generation)):
        _back(staffed, day, generation)

    assert staffed.rows(day) == expected_rows(second)
    assert (len(history(staffed, day)), actions(staffed, day)) == (2, [])
    assert list((staffed.home / "staging" / NAME / str(day)).glob("*")) == []


def test_a_date_that_was_never_published_cannot_be_rolled_back(staffed: Installation) -> None:
    day = staffed.fresh_date()

    with pytest.raises(ActionRefused, match=sentence_of("rollback_target_missing", wanted=1)):
        _back(staffed, day, 1)


def test_a_generation_without_rows_that_was_final_can_be_restored(staffed: Installation) -> None:
    """Nothing settled: that is an answer, and may be the right one."""
    day = staffed.fresh_date()
    staffed.deliver(day, **{s: Delivery(business_date=day, source=s) for s in SOURCES})
    run(staffed.platform, day)
    staffed.deliver(day)
    run(staffed.platform, day)

    _back(staffed, day, 1)
    empty = staffed.rows(day)
    _back(staffed, day, 2)

    assert empty == []
    assert len(staffed.rows(day)) == 9
    assert recorded_counts(staffed, day, 3) == [(2, 0, 9, 0)]
    assert recorded_counts(staffed, day, 4) == [(3, 9, 0, 0)]


def test_the_marts_follow_a_rollback(staffed: Installation) -> None:
    """They are out of date until they are built again, from the current generation."""
    day, first, _ = _restated(staffed)
    for mart in MARTS:
        staffed.build(mart, day)

    _back(staffed, day, 1)
    outdated = [day in outdated_dates(staffed.platform.lake, mart) for mart in MARTS]
    built = [staffed.build(mart, day) for mart in MARTS]

    gross = query(
        staffed, "SELECT sum(gross_minor)::BIGINT FROM lake.published.merchant_daily_net WHERE business_date = ?", day
    )
    assert outdated == [True, True]
    assert [b.publication.sources[0].generation for b in built if b.publication] == [3, 3]
    assert gross == [(sum(int(row["amount_minor"]) for d in first for row in d.rows),)]
    assert not any(day in outdated_dates(staffed.platform.lake, mart) for mart in MARTS)


def test_the_watermark_stays_where_it_is(own_staffed: Installation) -> None:
    """A date that is rolled back is complete, and readers may go on."""
    own_staffed.deliver(FIRST_DATE)
    run(own_staffed.platform, FIRST_DATE)
    a_visa(FIRST_DATE).write(own_staffed.landing)
    run(own_staffed.platform, FIRST_DATE)

    concluded = _back(own_staffed, FIRST_DATE, 1)

    assert concluded.watermark is None
    assert own_staffed.platform.lake.watermark(NAME)[0] == FIRST_DATE


def test_a_rollback_does_not_publish_a_key_that_a_neighbour_has_taken_since(staffed: Installation) -> None:
    """Keys stay unique over the published dates, whichever way they are published; nothing is recorded."""
    day = staffed.fresh_date()
    neighbour = date.fromordinal(day.toordinal() + 1)
    moved = a_row(day, "visa", 1, transaction_id=f"moved-{day}")
    staffed.deliver(day, visa=Delivery(business_date=day, source="visa", rows=[moved]))
    run(staffed.platform, day)
    a_visa(day, 2).write(staffed.landing)
    run(staffed.platform, day)
    taken = a_row(neighbour, "visa", 1, transaction_id=f"moved-{day}")
    staffed.deliver(neighbour, visa=Delivery(business_date=neighbour, source="visa", rows=[taken]))
    assert run(staffed.platform, neighbour).decision.action is Action.PUBLISH

    with pytest.raises(ActionRefused, match=f"moved-{day}"):
        roll_back(staffed.platform, CARD_SETTLEMENTS, day, 1, BEN)

    assert states(staffed, day) == ["final", "restated"]
    assert actions(staffed, day) == []
