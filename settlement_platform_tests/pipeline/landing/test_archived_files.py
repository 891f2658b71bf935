"""Files that leave the landing zone after publication change nothing, and older ones left behind win nothing."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from settlement_platform.control.publishing.gate import Action
from settlement_platform.control.reasons.reason import Reason
from settlement_platform_tests.deliveries import SOURCES, Delivery
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import a_refused_visa, a_visa, history, run, states, view_of
from settlement_platform_tests.pipeline.published_rows import expected_rows


def _archive(installation: Installation, day: date, *sources: str) -> None:
    """Take the files of some sources out of the landing zone."""
    for source in sources:
        shutil.rmtree(installation.landing / str(day) / source)


def _second_version(day: date, rows: int = 5) -> Delivery:
    return a_visa(day, rows, version=2)


@pytest.mark.parametrize("sources", [("visa",), ("visa", "amex"), SOURCES])
def test_files_that_are_archived_after_publication_change_nothing(
    staffed: Installation, sources: tuple[str, ...]
) -> None:
    """Neither for readers nor for operators: the date is published, and its content stays the current one."""
    day = staffed.fresh_date()
    delivered = staffed.deliver(day)
    run(staffed.platform, day)
    _archive(staffed, day, *sources)

    concluded, looked = run(staffed.platform, day), view_of(staffed, day)

    (publication,) = history(staffed, day)
    assert concluded.decision.action is looked.decision.action is Action.ALREADY_PUBLISHED
    assert concluded.content_hash == publication.content_hash
    assert (looked.state.state, looked.state.pending) == ("final", None)
    assert staffed.rows(day) == expected_rows(delivered)


def test_a_correction_that_comes_after_the_others_were_archived_waits_for_them(staffed: Installation) -> None:
    """A date is published as a whole; nothing of it is lost meanwhile."""
    day = staffed.fresh_date()
    delivered = staffed.deliver(day)
    run(staffed.platform, day)
    _archive(staffed, day, "mastercard", "amex")
    a_visa(day).write(staffed.landing)

    concluded = run(staffed.platform, day)

    assert concluded.decision.action is Action.WAIT
    assert staffed.rows(day) == expected_rows(delivered)
    assert view_of(staffed, day).state.state == "final"


@pytest.mark.parametrize("processed", [True, False])
def test_an_older_version_left_behind_never_replaces_a_newer_one_on_record(
    staffed: Installation, processed: bool
) -> None:
    """It never does, even if the newer version was not published before its files went."""
    day = staffed.fresh_date()
    first = staffed.deliver(day)
    run(staffed.platform, day)
    newer = _second_version(day) if processed else a_refused_visa(day)
    newer = newer if processed else Delivery(**{**vars(newer), "version": 2})
    newer.write(staffed.landing)
    run(staffed.platform, day)
    newer.data_path(staffed.landing).unlink()
    newer.control_path(staffed.landing).unlink()

    concluded = run(staffed.platform, day)

    seen = [newer, *first[1:]] if processed else first
    assert concluded.decision.action is Action.ALREADY_PUBLISHED
    assert staffed.rows(day) == expected_rows(seen)
    assert states(staffed, day) == (["final", "restated"] if processed else ["final"])
    assert view_of(staffed, day).state.pending is None


def test_with_nothing_published_the_source_of_a_version_that_is_gone_is_waited_for(staffed: Installation) -> None:
    """The reason says so; the next version completes the date."""
    day = staffed.fresh_date()
    refused = Delivery(**{**vars(a_refused_visa(day)), "version": 2})
    staffed.deliver(day)
    refused.write(staffed.landing)
    run(staffed.platform, day)
    refused.data_path(staffed.landing).unlink()
    refused.control_path(staffed.landing).unlink()

    waiting = run(staffed.platform, day)
    a_visa(day, 4, version=3).write(staffed.landing)
    published = run(staffed.platform, day)

    assert waiting.decision.action is Action.WAIT
    (reason,) = waiting.decision.reasons
    assert isinstance(reason, Reason)
    assert (reason.code, reason.parameters) == ("version_superseded", {"source": "visa", "newest": 2, "version": 1})
    assert published.decision.action is Action.PUBLISH
    assert len(staffed.rows(day)) == 10


def test_what_is_delivered_again_after_it_was_archived_changes_nothing(staffed: Installation) -> None:
    """Equal bytes are equal content, wherever they were meanwhile."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)
    kept = Path(shutil.copytree(staffed.landing / str(day), staffed.home / "archive" / str(day)))
    _archive(staffed, day, *SOURCES)
    run(staffed.platform, day)
    shutil.rmtree(staffed.landing / str(day))
    shutil.copytree(kept, staffed.landing / str(day))

    assert run(staffed.platform, day).decision.action is Action.ALREADY_PUBLISHED
    assert states(staffed, day) == ["final"]
