"""A delivery that is reached through a symbolic link is neither read nor published; it waits, and the link is named."""

import shutil
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.inspection.date_view import date_views
from settlement_platform_tests.builders import codes
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import at, history, run, states, view_of

SECRET = "root:x:0:0:root:/root:/bin/sh"


def _link_out(installation: Installation, day: date, *, folder: bool) -> str:
    """Put a link in the place of visa's data file, or of its folder."""
    place = installation.landing / str(day) / "visa"
    outside = installation.home / "outside" / str(day)
    if folder:
        shutil.move(place, outside)
        place.symlink_to(outside)
        return f"{day}/visa"
    Path(place / "cards.csv").unlink()
    outside.parent.mkdir(exist_ok=True)
    outside.write_text(SECRET)
    (place / "cards.csv").symlink_to(outside)
    return f"{day}/visa/cards.csv"


@pytest.mark.parametrize("folder", [False, True])
def test_a_linked_delivery_waits_and_names_the_link(staffed: Installation, *, folder: bool) -> None:
    """Its date is late like any other that lacks a file, and nothing of the file is on record."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    key = _link_out(staffed, day, folder=folder)

    concluded = run(staffed.platform, day)

    (reason,) = concluded.decision.reasons
    evening = datetime.combine(day, time(), UTC) + timedelta(days=2)
    state = date_views(at(staffed, evening), CARD_SETTLEMENTS, day, day)[0].state
    assert concluded.decision.action is Action.WAIT
    assert codes([reason]) == ["link_not_followed"]
    assert reason.parameters == {"source": "visa", "key": key}  # type: ignore[attr-defined]
    assert (state.state, key in state.reasons[0]) == ("late", True)
    ledger = staffed.platform.ledger
    assert not any("root:" in str(verdict) for verdict in ledger.verdicts(CARD_SETTLEMENTS.name, day, day).values())
    assert {a.source for a in ledger.arrivals(CARD_SETTLEMENTS.name, day, day)} == {"mastercard", "amex"}


def test_a_link_beside_a_published_date_changes_nothing_for_readers(staffed: Installation) -> None:
    """A version that is a link is named beside the one that counts; once the file itself is there, it is published."""
    day = staffed.fresh_date()
    staffed.deliver(day)
    run(staffed.platform, day)
    place = staffed.landing / str(day) / "visa"
    (place / "cards.2.csv").symlink_to(place / "cards.csv")

    looked = view_of(staffed, day).state

    assert states(staffed, day) == ["final"]
    assert looked.pending is not None
    assert any("cards.2.csv is a symbolic link" in reason for reason in looked.pending.reasons)
    assert len(history(staffed, day)) == 1
