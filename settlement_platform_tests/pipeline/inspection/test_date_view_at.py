"""A past moment is shown from the record, as far as it goes, and the end of the record is named."""

from dataclasses import replace
from datetime import timedelta

from settlement_platform.control.policies import ProvisionalCut
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.inspection.date_view_at import date_view_at
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import a_visa, at, run
from settlement_platform_tests.shown_reasons import shows

WITH_CUT = replace(CARD_SETTLEMENTS, provisional=ProvisionalCut(minimum_sources=2))
MINUTE = timedelta(minutes=1)


def test_a_cut_that_was_due_is_reported_from_the_deadline_on(staffed: Installation) -> None:
    """It counts from the deadline even if it was not made; the publications of that time are what readers saw."""
    day = staffed.fresh_date()
    deadline = CARD_SETTLEMENTS.timeliness.deadline_moment(day)
    delivered = staffed.deliver(day)
    delivered[-1].control_path(staffed.landing).unlink()
    run(at(staffed, deadline - 60 * MINUTE), day, WITH_CUT)

    before, due = (date_view_at(staffed.platform, WITH_CUT, day, deadline + n * MINUTE) for n in (-1, 1))
    run(at(staffed, deadline + 2 * MINUTE), day, WITH_CUT)
    made = date_view_at(staffed.platform, WITH_CUT, day, deadline + 3 * MINUTE)

    assert before.decision.action is Action.WAIT
    assert (due.decision.action, due.decision.state) == (Action.PUBLISH, "provisional")
    assert due.decision.reasons[0].code == "provisional_cut_due"
    assert made.decision.action is Action.ALREADY_PUBLISHED
    assert made.state.state == "provisional"


def test_that_both_files_lay_there_is_known_of_the_tries_that_saw_them(staffed: Installation) -> None:
    """It was refused then, and is not once one of them is gone."""
    day = staffed.fresh_date()
    deadline = CARD_SETTLEMENTS.timeliness.deadline_moment(day)
    staffed.deliver(day)
    run(at(staffed, deadline), day)
    both = a_visa(day, 3, gzipped=True)
    both.write_data(staffed.landing)
    a_visa(day, 3).write(staffed.landing)
    refused = run(at(staffed, deadline + 10 * MINUTE), day)
    both.data_path(staffed.landing).unlink()
    run(at(staffed, deadline + 20 * MINUTE), day)

    first, then, after = (
        date_view_at(staffed.platform, CARD_SETTLEMENTS, day, deadline + n * MINUTE) for n in (5, 15, 25)
    )

    assert refused.decision.action is then.decision.action is Action.REFUSE
    assert then.content_hash == refused.content_hash
    assert shows(then.decision.reasons[0], "both_forms_delivered")
    assert first.decision.action is after.decision.action is Action.ALREADY_PUBLISHED


def test_what_the_record_cannot_tell_is_named(staffed: Installation) -> None:
    day = staffed.fresh_date()
    moment = CARD_SETTLEMENTS.timeliness.deadline_moment(day)
    nothing_yet = date_view_at(staffed.platform, CARD_SETTLEMENTS, day, moment)
    staffed.deliver(day)
    run(at(staffed, moment), day)

    arrived = date_view_at(staffed.platform, CARD_SETTLEMENTS, day, moment)

    assert nothing_yet.not_known[0] == "files that lay there and that nobody had looked at yet"
    assert "whether files that had arrived were taken away again" not in nothing_yet.not_known
    assert "whether files that had arrived were taken away again" in arrived.not_known
