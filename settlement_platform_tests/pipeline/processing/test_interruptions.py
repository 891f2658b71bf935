"""A signal that is meant to end the process ends it, whatever a library makes of it."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from threading import Timer, current_thread, main_thread
from types import FrameType

import duckdb
import pytest

from settlement_platform.control.publishing.gate import Action
from settlement_platform.pipeline.attempt_log import interruption_behind
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.processing.process_dates import process_dates
from settlement_platform_tests.pipeline.installation import CARD_SETTLEMENTS, REQUEST, Installation

SECONDS_LONG = "SELECT sum(a.range * b.range) FROM range(40000) a, range(40000) b"
TRIES = 10


class Halt(BaseException):
    """The exception of a signal's handler."""


@pytest.fixture
def halting() -> Iterator[None]:
    """A process in which the signal to end raises."""

    def halt(number: int, frame: FrameType | None) -> None:
        raise Halt

    before = signal.signal(signal.SIGTERM, halt)
    yield
    signal.signal(signal.SIGTERM, before)


def ended_in_a_query() -> Exception:
    """The exception of DuckDB when the signal comes during a query; outside of one, the handler's own is raised."""
    connection = duckdb.connect()
    for _ in range(TRIES):
        timer = Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM))
        try:
            timer.start()
            connection.execute(SECONDS_LONG).fetchall()
            timer.join()
        except Halt:
            continue
        except Exception as error:  # noqa: BLE001 - it is looked at
            return error
    raise AssertionError


def test_a_query_that_a_signal_ended_is_known_from_one_that_failed(halting: None) -> None:
    interrupted = ended_in_a_query()
    with pytest.raises(duckdb.Error) as failed:
        duckdb.connect().execute("SELECT nothing")

    assert isinstance(interrupted, Exception)
    assert isinstance(interruption_behind(interrupted), Halt)
    assert interruption_behind(failed.value) is None


def test_an_interruption_ends_all_dates_and_none_of_them_has_failed(
    halting: None, own_installation: Installation
) -> None:
    """It comes while the first date is published; given again, all dates are."""
    days = [own_installation.fresh_date() for _ in range(3)]
    for business_date in days:
        own_installation.deliver(business_date)
    platform, interrupted = own_installation.platform, []

    def clock() -> datetime:
        if current_thread() is main_thread() and not interrupted:
            error = ended_in_a_query()
            interrupted.append(error)
            raise error
        return platform.clock()

    with pytest.raises(Halt):
        list(process_dates(replace(platform, clock=clock), CARD_SETTLEMENTS, days, REQUEST))
    tried = platform.ledger.attempts(CARD_SETTLEMENTS.name, days[0], days[-1])
    again = list(process_dates(platform, CARD_SETTLEMENTS, days, REQUEST))

    assert "failed" not in {a.outcome for a in tried}
    assert [type(o).__name__ for o in again] == ["DateOutcome"] * 3
    assert [o.decision.action for o in again if isinstance(o, DateOutcome)] == [Action.PUBLISH] * 3
