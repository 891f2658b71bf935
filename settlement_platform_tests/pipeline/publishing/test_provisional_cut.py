"""At the deadline what is there is published as provisional, says what is missing, and is replaced by the rest."""

import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from settlement_platform.control.policies import ProvisionalCut, Restating
from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.reasons.landing import PUBLISHED_FILE_MISSING
from settlement_platform.control.reasons.publishing import BUILT_FROM_PROVISIONAL
from settlement_platform.control.reasons.timeliness import PROVISIONAL_CUT_DUE
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.pipeline.landing.land import land
from settlement_platform.pipeline.marts.build_mart import build_mart
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform_tests.builders import codes
from settlement_platform_tests.deliveries import SOURCES, Delivery, some_rows
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, REQUEST, Installation
from settlement_platform_tests.pipeline.operating import at, history, query, run, states, view_of
from settlement_platform_tests.pipeline.published_rows import expected_rows

WITH_CUT = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=2))
FOLLOWING = replace(MERCHANT_DAILY_NET, provisional=True)


def _deadline(day: date) -> datetime:
    return CARD_SETTLEMENTS.timeliness.deadline_moment(day)


def _some(installation: Installation, day: date, *sources: str, rows: int = 3) -> list[Delivery]:
    """Deliver some of the sources."""
    found = [Delivery(business_date=day, source=s, rows=some_rows(day, s, rows)) for s in sources]
    for delivery in found:
        delivery.write(installation.landing)
    return found


def _cut(installation: Installation, *sources: str) -> tuple[date, list[Delivery], DateOutcome]:
    """A date with some of its sources, run long after its deadline."""
    day = installation.fresh_date()
    delivered = _some(installation, day, *sources)
    return day, delivered, run(installation.platform, day, WITH_CUT)


def _seen(installation: Installation, schema: str, day: date) -> int:
    return query(installation, f"SELECT count(*) FROM lake.{schema}.{NAME} WHERE business_date = ?", day)[0][0]


def test_a_cut_is_made_at_the_deadline_and_not_before(staffed: Installation) -> None:
    """Two of three sources are published, and the record names the third."""
    day = staffed.fresh_date()
    delivered = _some(staffed, day, "visa", "mastercard")

    early = run(at(staffed, _deadline(day) - timedelta(seconds=1)), day, WITH_CUT)
    none_yet = history(staffed, day)
    cut = run(at(staffed, _deadline(day)), day, WITH_CUT)

    (publication,) = history(staffed, day)
    assert early.decision.action is Action.WAIT
    assert none_yet == []
    assert cut.decision.action is Action.PUBLISH
    assert cut.decision.reasons[0].code == "provisional_cut_due"
    assert (publication.state, publication.rows, publication.missing) == ("provisional", 6, ("amex",))
    assert publication.completeness == pytest.approx(2 / 3)
    assert staffed.rows(day) == expected_rows(delivered)


def _why_due(day: date, present: int = 2) -> str:
    return PROVISIONAL_CUT_DUE(deadline=_deadline(day), present=present, required=3)


def _reason_of_a_cut(installation: Installation, day: date, asked: str) -> str:
    """The recorded reason of a provisional publication that was requested with this reason."""
    _some(installation, day, "visa", "mastercard")
    validate_and_publish(prepare(installation.platform, WITH_CUT, day, replace(REQUEST, reason=asked)))
    (publication,) = history(installation, day)
    return publication.reason


def test_the_record_of_a_cut_gives_its_reason_whoever_requested_it(staffed: Installation) -> None:
    """The reason of the request is beside it; the run that completes the date gives only that."""
    day = staffed.fresh_date()

    cut = _reason_of_a_cut(staffed, day, "materialized from the command line")
    _some(staffed, day, "amex")
    run(staffed.platform, day, WITH_CUT)

    assert cut == f"{_why_due(day)}; materialized from the command line"
    assert [p.reason for p in history(staffed, day)] == [cut, REQUEST.reason]


@pytest.mark.parametrize("present", [1, 2])
def test_the_record_of_a_cut_that_was_requested_because_it_was_due_says_so_once(
    staffed: Installation, present: int
) -> None:
    """As it was published: another source may have come since it was requested."""
    day = staffed.fresh_date()

    assert _reason_of_a_cut(staffed, day, _why_due(day, present)) == _why_due(day)


def test_readers_of_the_schema_final_do_not_see_a_cut(staffed: Installation) -> None:
    """Until it is whole; a plain client can tell from the record what is missing."""
    day, _, _ = _cut(staffed, "visa", "amex")
    before = _seen(staffed, "published", day), _seen(staffed, "final", day)
    record = query(
        staffed,
        "SELECT state, missing::VARCHAR, round(completeness, 3) FROM lake.published.publications "
        "WHERE dataset = ? AND business_date = ?",
        NAME,
        day,
    )
    _some(staffed, day, "mastercard")
    run(staffed.platform, day, WITH_CUT)

    assert before == (6, 0)
    assert record == [("provisional", '["mastercard"]', 0.667)]
    assert (_seen(staffed, "published", day), _seen(staffed, "final", day)) == (9, 9)


@pytest.mark.parametrize("sources", [(), ("visa",)])
def test_with_too_few_sources_no_cut_is_made(staffed: Installation, sources: tuple[str, ...]) -> None:
    day, _, concluded = _cut(staffed, *sources)

    assert concluded.decision.action is Action.WAIT
    assert history(staffed, day) == []


def test_a_dataset_that_declares_no_cut_makes_none(staffed: Installation) -> None:
    day = staffed.fresh_date()
    _some(staffed, day, "visa", "mastercard")

    assert run(staffed.platform, day).decision.action is Action.WAIT


def test_a_cut_of_a_bad_source_is_refused(staffed: Installation) -> None:
    """The deadline opens no gate."""
    day = staffed.fresh_date()
    _some(staffed, day, "mastercard", "amex")
    visa = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"), declared={"rows": 1})
    visa.write(staffed.landing)
    (staffed.landing / str(day) / "amex" / "cards.control.json").unlink()

    assert run(staffed.platform, day, WITH_CUT).decision.action is Action.REFUSE
    assert history(staffed, day) == []


def test_a_further_source_makes_another_cut_and_the_last_one_the_final_date(staffed: Installation) -> None:
    """Each with what is missing then; the first whole one is final, not restated."""
    every = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=1))
    day = staffed.fresh_date()
    delivered = []
    for source in SOURCES:
        delivered += _some(staffed, day, source)
        run(staffed.platform, day, every)

    found = [(p.state.value, p.missing, round(p.completeness, 2), p.rows) for p in history(staffed, day)]
    assert found == [
        ("provisional", ("mastercard", "amex"), 0.33, 3),
        ("provisional", ("amex",), 0.67, 6),
        ("final", (), 1.0, 9),
    ]
    assert staffed.rows(day) == expected_rows(delivered)


def test_a_correction_of_a_source_makes_another_cut(staffed: Installation) -> None:
    day, delivered, _ = _cut(staffed, "visa", "mastercard")
    (corrected,) = _some(staffed, day, "visa", rows=5)

    run(staffed.platform, day, WITH_CUT)

    assert states(staffed, day) == ["provisional", "provisional"]
    assert staffed.rows(day) == expected_rows([corrected, delivered[1]])


def test_completing_a_cut_needs_no_approval(staffed: Installation) -> None:
    """Limits are those of restatements; a third more rows was announced by the cut itself."""
    limited = replace(WITH_CUT, restating=Restating(measure="net_minor", rows_share=0.0, net_effect=0))
    day, _, _ = _cut(staffed, "visa", "mastercard")
    _some(staffed, day, "amex")

    assert run(staffed.platform, day, limited).decision.action is Action.PUBLISH
    assert states(staffed, day) == ["provisional", "final"]


def test_running_a_cut_again_changes_nothing(staffed: Installation) -> None:
    """It says which source it still waits for, here and to operators."""
    day, _, _ = _cut(staffed, "visa", "mastercard")

    again, looked = run(staffed.platform, day, WITH_CUT), view_of(staffed, day, WITH_CUT).state

    assert again.decision.action is Action.ALREADY_PUBLISHED
    assert any("amex" in reason for reason in again.decision.reasons)
    assert states(staffed, day) == ["provisional"]
    assert looked.state == "provisional"
    assert looked.pending is not None
    assert looked.pending.state == "late"
    missing = looked.reasons[codes(looked.reasons).index("sources_missing")]
    assert missing.parameters == {"sources": ("amex",), "completeness": pytest.approx(2 / 3)}


def test_a_whole_date_is_never_cut(staffed: Installation) -> None:
    """A correction of one source beside which the others are gone waits; readers keep the whole date."""
    day = staffed.fresh_date()
    delivered = staffed.deliver(day)
    run(staffed.platform, day, WITH_CUT)
    for path in (staffed.landing / str(day) / "amex").iterdir():
        path.unlink()
    _some(staffed, day, "visa", rows=5)

    assert run(staffed.platform, day, WITH_CUT).decision.action is Action.WAIT
    assert staffed.rows(day) == expected_rows(delivered)
    assert states(staffed, day) == ["final"]


@pytest.mark.parametrize("archived", [("visa",), ("visa", "mastercard")])
def test_archiving_the_files_of_a_cut_changes_nothing(staffed: Installation, archived: tuple[str, ...]) -> None:
    """Their published rows stay, and the missing source is still waited for."""
    every = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=1))
    day, delivered, _ = _cut(staffed, "visa", "mastercard")
    for source in archived:
        for path in (staffed.landing / str(day) / source).iterdir():
            path.unlink()

    concluded = run(staffed.platform, day, every)

    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert any("amex" in reason for reason in concluded.decision.reasons)
    assert states(staffed, day) == ["provisional"]
    assert staffed.rows(day) == expected_rows(delivered)
    assert view_of(staffed, day, every).state.state == "provisional"


def _archive(installation: Installation, day: date, *sources: str) -> None:
    for source in sources:
        shutil.rmtree(installation.landing / str(day) / source)


@pytest.mark.parametrize("archived", [("visa",), ("visa", "mastercard")])
def test_a_cut_whose_files_were_archived_is_completed_with_what_it_holds(
    staffed: Installation, archived: tuple[str, ...]
) -> None:
    """From the rows that readers see; the record names the same files as if they had stayed."""
    day, delivered, _ = _cut(staffed, "visa", "mastercard")
    before = {s.source: s for s in history(staffed, day)[0].sources}
    _archive(staffed, day, *archived)
    delivered += _some(staffed, day, "amex")

    land(staffed.platform, WITH_CUT, day, REQUEST).close()
    expected, concluded = view_of(staffed, day, WITH_CUT), run(staffed.platform, day, WITH_CUT)
    again = run(staffed.platform, day, WITH_CUT)

    last = {s.source: s for s in history(staffed, day)[-1].sources}
    assert expected.content_hash == concluded.content_hash
    assert concluded.decision.action is Action.PUBLISH
    assert states(staffed, day) == ["provisional", "final"]
    assert staffed.rows(day) == expected_rows(delivered)
    assert {name: last[name] for name in before} == before
    assert again.decision.action is Action.ALREADY_PUBLISHED


def test_a_further_cut_keeps_what_the_one_before_had(staffed: Installation) -> None:
    """An archived source and one that never came: the next cut lacks the second only."""
    every = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=1))
    day = staffed.fresh_date()
    delivered = _some(staffed, day, "visa")
    run(staffed.platform, day, every)
    _archive(staffed, day, "visa")
    delivered += _some(staffed, day, "amex")

    run(staffed.platform, day, every)

    assert [p.missing for p in history(staffed, day)] == [("mastercard", "amex"), ("mastercard",)]
    assert staffed.rows(day) == expected_rows(delivered)


def test_a_cut_is_never_replaced_by_one_that_lacks_what_it_has(staffed: Installation) -> None:
    """Where the record does not know its file any more, the date says what is missing and holds."""
    day, delivered, _ = _cut(staffed, "visa", "mastercard")
    _archive(staffed, day, "visa")
    _some(staffed, day, "amex")
    other = replace(WITH_CUT, minimum_rows=1)

    concluded, looked = run(staffed.platform, day, other), view_of(staffed, day, other)

    reason = PUBLISHED_FILE_MISSING(source="visa", generation=1, key=f"{day}/visa/cards.csv")
    assert concluded.decision.action is looked.decision.action is Action.WAIT
    assert concluded.decision.reasons[0] == looked.decision.reasons[0] == reason
    assert states(staffed, day) == ["provisional"]
    assert staffed.rows(day) == expected_rows(delivered)


def test_the_watermark_stops_before_a_cut_and_goes_on_when_it_is_whole(own_staffed: Installation) -> None:
    one, two = FIRST_DATE, FIRST_DATE + timedelta(days=1)
    _some(own_staffed, one, "visa", "mastercard")
    run(own_staffed.platform, one, WITH_CUT)
    own_staffed.deliver(two)
    run(own_staffed.platform, two, WITH_CUT)
    before = own_staffed.platform.lake.watermark(NAME)[0]
    _some(own_staffed, one, "amex")

    concluded = run(own_staffed.platform, one, WITH_CUT)

    assert before is None
    assert concluded.watermark == own_staffed.platform.lake.watermark(NAME)[0] == two


def test_a_mart_waits_for_the_whole_date_unless_it_follows_cuts(staffed: Installation) -> None:
    """One that does is provisional itself, says what is missing, and becomes final with its input."""
    day, _, _ = _cut(staffed, "visa", "mastercard")

    waiting = build_mart(staffed.platform, MERCHANT_DAILY_NET, day, REQUEST)
    following = build_mart(staffed.platform, FOLLOWING, day, REQUEST)
    (cut,) = history(staffed, day, MERCHANT_DAILY_NET.name)
    in_final = query(staffed, "SELECT count(*) FROM lake.final.merchant_daily_net WHERE business_date = ?", day)
    again = build_mart(staffed.platform, FOLLOWING, day, REQUEST)
    _some(staffed, day, "amex")
    run(staffed.platform, day, WITH_CUT)
    whole = build_mart(staffed.platform, FOLLOWING, day, REQUEST)

    assert waiting.decision.action is Action.WAIT
    assert codes(waiting.decision.reasons)[0] == "input_provisional"
    assert following.decision.action is Action.PUBLISH
    assert (cut.state, cut.missing) == ("provisional", ("amex",))
    assert cut.reason == f"{BUILT_FROM_PROVISIONAL()}; {REQUEST.reason}"
    assert cut.completeness == pytest.approx(2 / 3)
    assert in_final == [(0,)]
    assert again.decision.action is Action.ALREADY_PUBLISHED
    assert whole.decision.action is Action.PUBLISH
    assert states(staffed, day, MERCHANT_DAILY_NET.name) == ["provisional", "final"]
    assert history(staffed, day, MERCHANT_DAILY_NET.name)[-1].missing == ()
