"""A delivery that changes while it is taken in is never put on record as something that it was not."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.landing.land import land
from settlement_platform.pipeline.processing.process_date import prepare
from settlement_platform.pipeline.staging.stage import stage
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.pipeline.installation import NAME, REQUEST, Installation
from settlement_platform_tests.pipeline.published_rows import expected_rows


def _visa(day: date, **changes: Any) -> Delivery:  # noqa: ANN401 - any field
    return replace(Delivery(business_date=day, source="visa", rows=some_rows(day, "visa")), **changes)


@contextmanager
def _once(owner: Any, name: str, action: Callable[[], object], *, before: bool = False) -> Iterator[None]:  # noqa: ANN401
    """Let something happen after, or before, the first call of a method."""
    original, calls = getattr(owner, name), []

    def call(*arguments: Any) -> Any:  # noqa: ANN401 - as the method
        calls.append(arguments)
        if before and len(calls) == 1:
            action()
        result = original(*arguments)
        if not before and len(calls) == 1:
            action()
        return result

    setattr(owner, name, call)
    try:
        yield
    finally:
        delattr(owner, name)
    assert calls


def _copies(installation: Installation) -> list[Path]:
    return [p for p in installation.platform.workspace.rglob("*") if p.is_file()]


CHANGES: dict[str, Callable[[Delivery, Path], object]] = {
    "a longer control file": lambda d, at: replace(d, declared={"note": "x" * 99}).write_control(at),
    "a shorter control file": lambda d, at: replace(d, control=b"{}").write_control(at),
    "the same control file": lambda d, at: d.write_control(at),
    "no control file": lambda d, at: d.control_path(at).unlink(),
    "longer data": lambda d, at: replace(d, rows=some_rows(d.business_date, "visa", 5)).write_data(at),
    "the same data": lambda d, at: d.write_data(at),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_changed_after_it_was_listed_is_not_put_on_record(
    installation: Installation, change: Callable[[Delivery, Path], object]
) -> None:
    """Neither the hash nor the size of other bytes stands under the signature of these."""
    day = installation.fresh_date()
    delivered = installation.deliver(day, visa=_visa(day))
    landing = installation.platform.landing

    with (
        _once(landing, "list_date", lambda: change(delivered[0], installation.landing)),
        pytest.raises(TransientFailure, match=r"visa/cards\."),
    ):
        installation.run(day)

    assert installation.platform.ledger.arrivals(NAME, day, day) == []
    assert _copies(installation) == []


def test_a_control_file_that_was_replaced_while_it_was_read_heals_by_itself(installation: Installation) -> None:
    """The next try reads what was delivered, and nothing that it met before stands against it."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    good = delivered[0].control_bytes
    replace(delivered[0], control=good + b" " * 500).write_control(installation.landing)
    landing = installation.platform.landing
    with (
        _once(landing, "list_date", lambda: delivered[0].write_control(installation.landing)),
        pytest.raises(TransientFailure),
    ):
        installation.run(day)

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows(delivered)


def test_what_a_control_file_declared_when_it_was_hashed_is_what_counts(installation: Installation) -> None:
    """Another one that takes its place before the data is staged has its own day."""
    day = installation.fresh_date()
    wrong = _visa(day, declared={"rows": 99})
    installation.deliver(day, visa=wrong)
    landed = land(installation.platform, CARD_SETTLEMENTS, day, REQUEST)
    _visa(day).write_control(installation.landing)

    staging = stage(installation.platform, landed, REQUEST)[0]

    assert staging.control_sha256 == hashlib.sha256(wrong.control_bytes).hexdigest()
    assert staging.declared["rows"] == 99


def test_a_known_control_file_that_changes_before_it_is_read_is_not_staged(installation: Installation) -> None:
    """The parsed bytes have the hash that is on record."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    land(installation.platform, CARD_SETTLEMENTS, day, REQUEST).close()
    landing = installation.platform.landing
    other = replace(delivered[0], declared={"rows": 99})

    with (
        _once(landing, "receive_control", lambda: other.write_control(installation.landing), before=True),
        pytest.raises(TransientFailure, match=r"cards\.control\.json changed after it was hashed"),
    ):
        installation.run(day)

    assert _copies(installation) == []
    assert installation.run(day).decision.action is Action.REFUSE


def test_the_same_files_delivered_again_leave_no_copies(installation: Installation) -> None:
    """Received text lies nowhere once a date is prepared, however often it comes."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    moves = [installation.run(day).decision.action]
    for _ in range(3):
        for delivery in delivered:
            delivery.write(installation.landing)
        moves.append(installation.run(day).decision.action)

    assert moves == [Action.PUBLISH, *[Action.ALREADY_PUBLISHED] * 3]
    assert _copies(installation) == []


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("step", ["receive", "receive_control"])
def test_a_source_that_cannot_be_read_leaves_no_copies_of_the_others(
    installation: Installation, step: str, threads: int
) -> None:
    """Whichever source fails, and whether it is read for the first time or again."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    lost = delivered[1].data_path if step == "receive" else delivered[1].control_path
    landing = installation.platform.landing

    with (
        _once(landing, "list_date", lambda: lost(installation.landing).unlink()),
        pytest.raises(TransientFailure),
    ):
        prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST, threads=threads)

    assert _copies(installation) == []


def test_a_ledger_that_fails_while_a_source_is_staged_leaves_no_copies(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sources after it are given up with it."""
    day = installation.fresh_date()
    installation.deliver(day)

    def failing(*_: object) -> None:
        message = "the ledger does not answer"
        raise TransientFailure(message)

    monkeypatch.setattr(installation.platform.ledger, "staging", failing)

    with pytest.raises(TransientFailure, match="does not answer"):
        prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST)

    assert _copies(installation) == []
