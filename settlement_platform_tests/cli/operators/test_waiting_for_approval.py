"""Dates that wait for approval in `settlement quarantine`: listed with the releasing actor, shown, and declined."""

from datetime import date

import pytest

from settlement_platform.control.policies import Restating
from settlement_platform.control.roles import Roles
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform_tests.cli.command import DAYS, NAME, Settle, Shell, codes_in, correct, deliver_days
from settlement_platform_tests.pipeline.operating import a_refused_visa

WHY = ("--reason", "the provider confirmed it", "--actor", "ana")


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The dataset declares that a release needs a second person, and that a restatement has limits."""
    declared = vars(CARD_SETTLEMENTS)
    monkeypatch.setitem(declared, "roles", Roles(second_person=frozenset({"release"})))
    monkeypatch.setitem(declared, "restating", Restating(measure="net_minor", rows_share=0.1))


def test_what_waits_for_approval_is_listed_shown_and_declined(shell: Shell, settle: Settle) -> None:
    """A release by one person beside a restatement above its limits; each is declined as it is discarded."""
    deliver_days(settle, 2)
    a_refused_visa(date.fromisoformat(DAYS[0])).write(shell.home / "landing")
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[1])
    refused = settle("quarantine", "list", "--json").json["quarantined"]
    released = settle("quarantine", "release", NAME, DAYS[0], "--despite", "rows_as_declared", *WHY)
    correct(shell, DAYS[1])
    settle("materialize", NAME, "--from", DAYS[1], "--to", DAYS[1])

    listed, printed = settle("quarantine", "list", "--json"), settle("quarantine", "list")
    shown = [settle("quarantine", "show", NAME, day) for day in DAYS[:2]]
    read = [settle("quarantine", "show", NAME, day, "--json").json for day in DAYS[:2]]
    declined = [settle("quarantine", "discard", NAME, day, "--reason", "no", "--actor", "ben") for day in DAYS[:2]]
    left = settle("quarantine", "list")

    held = listed.json["quarantined"]
    assert [(h["waits_for"], h["released_by"]) for h in refused] == [("a correction", None)]
    assert released.code == 3
    assert [(h["business_date"], h["state"], h["waits_for"], h["released_by"]) for h in held] == [
        (DAYS[0], "staged", "approval", "ana"),
        (DAYS[1], "final", "approval", None),
    ]
    assert "release_unapproved" in codes_in(held[0]["reason_codes"])
    assert held[0]["released_at"] is not None
    assert printed.out.count("approval") >= 2
    for finished, document, day in zip(shown, read, DAYS, strict=False):
        assert finished.code == 0, finished.err
        assert "waits for approval" in finished.out.splitlines()[0]
        assert f"settlement approve {NAME} {day} --reason … publishes it" in finished.out.replace("\n", " ")
        assert document["inputs"] != []
    assert "rows_limit_exceeded" in codes_in(held[1]["reason_codes"])
    assert [f.code for f in declined] == [0, 0], declined[0].err + declined[1].err
    assert left.out == "Nothing is in quarantine.\n"


def test_a_declined_restatement_is_brought_back_by_a_release_without_findings(shell: Shell, settle: Settle) -> None:
    """It has none to name; then it waits for approval as before, by somebody else than who brought it back."""
    deliver_days(settle, 1)
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[0])
    correct(shell, DAYS[0])
    settle("materialize", NAME, "--from", DAYS[0], "--to", DAYS[0])
    settle("quarantine", "discard", NAME, DAYS[0], *WHY)

    back = settle("quarantine", "release", NAME, DAYS[0], *WHY, "--json")
    approved = settle("approve", NAME, DAYS[0], "--reason", "checked", "--actor", "ben", "--json")

    assert back.code == 3
    assert "approval_needed" in codes_in(back.json["reason_codes"])
    assert (approved.code, approved.json["state"]) == (0, "restated"), approved.err
