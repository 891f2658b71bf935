"""A backfill that writes too fast is delayed, whichever process wrote; fresh data is not."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from settlement_platform.control.queue.write_budget import MEGABYTE, WriteLimits
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.pipeline.launching.write_throttle import wait_for_budget
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform_tests.builders import NOW, a_write
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, REQUEST, an_installation, open_home
from settlement_platform_tests.pipeline.sleeping_clock import Time

LIMITS = WriteLimits()
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BACKFILL = replace(REQUEST, service_class="backfill")


def settle(platform: Platform, dataset: Dataset, business_date: date, request: Request) -> None:
    """Take a date through the pipeline on behalf of a request."""
    validate_and_publish(prepare(platform, dataset, business_date, request))


def test_a_backfill_waits_for_what_another_process_wrote(tmp_path: Path) -> None:
    """300 MB that were written just now are paid for in two seconds."""
    time = Time(NOW)
    one, other = (time.govern(open_home(tmp_path)) for _ in range(2))
    one.ledger.append(a_write(bytes=300 * MEGABYTE, started_at=NOW, recorded_at=NOW))

    slept = wait_for_budget(other, NAME, LIMITS, BACKFILL)

    assert slept == sum(time.naps) == 2.0


def test_what_others_write_during_the_wait_is_paid_for_too(tmp_path: Path) -> None:
    """It looks again at least once a second."""
    time = Time(NOW)
    platform = time.govern(open_home(tmp_path))
    platform.ledger.append(a_write(bytes=150 * MEGABYTE, started_at=NOW, recorded_at=NOW))

    def sleep_while_another_writes(seconds: float) -> None:
        if not time.naps:
            platform.ledger.append(a_write(bytes=300 * MEGABYTE, started_at=NOW, recorded_at=NOW))
        time.sleep(seconds)

    slept = wait_for_budget(replace(platform, sleep=sleep_while_another_writes), NAME, LIMITS, BACKFILL)

    assert slept == 3.0


def test_a_clock_that_does_not_move_holds_nothing_up_for_longer_than_it_sleeps(tmp_path: Path) -> None:
    """A machine whose clock was set back keeps writing."""
    naps: list[float] = []
    platform = replace(open_home(tmp_path), clock=lambda: NOW, sleep=naps.append, write_budgets={})
    platform.ledger.append(a_write(bytes=300 * MEGABYTE, started_at=NOW, recorded_at=NOW))

    slept = wait_for_budget(platform, NAME, LIMITS, BACKFILL)

    assert slept == sum(naps) == 2.0


def test_fresh_data_and_other_tables_do_not_wait_for_a_backfill(tmp_path: Path) -> None:
    """Each class has an allowance of its own in each table."""
    time = Time(NOW)
    platform = time.govern(open_home(tmp_path))
    platform.ledger.append(a_write(bytes=9_000 * MEGABYTE, started_at=NOW, recorded_at=NOW))

    fresh = wait_for_budget(platform, NAME, LIMITS, REQUEST)
    other_table = wait_for_budget(platform, "merchant_daily_net", LIMITS, BACKFILL)

    assert (fresh, other_table) == (0.0, 0.0)


def test_what_a_date_writes_is_on_record_with_its_class_and_the_next_date_waits_for_it(tmp_path: Path) -> None:
    """Where the dataset declares a low limit."""
    time, installation = Time(NOW), an_installation(tmp_path)
    platform = time.govern(installation.platform)
    slow = replace(CARD_SETTLEMENTS, write_limits=WriteLimits(backfill=1_000))
    second = FIRST_DATE + timedelta(days=1)
    for day in (FIRST_DATE, second):
        installation.deliver(day)

    settle(platform, slow, FIRST_DATE, BACKFILL)
    waited_before = list(time.naps)
    time.now += timedelta(seconds=2)
    settle(platform, slow, second, BACKFILL)

    writes = platform.ledger.writes(after=NOW - timedelta(days=1))
    first = [w for w in writes if w.business_date == FIRST_DATE]
    assert {(w.dataset, w.service_class) for w in writes} == {(NAME, "backfill")}
    assert sum(w.bytes for w in first) == sum(s.bytes for s in platform.ledger.stagings(NAME, FIRST_DATE, FIRST_DATE))
    assert waited_before == []
    assert sum(time.naps) >= sum(w.bytes for w in first) / 1_000 - 2


def test_what_a_mart_writes_is_on_record_too(tmp_path: Path) -> None:
    """It is a table like any other."""
    installation = an_installation(tmp_path)
    installation.deliver(FIRST_DATE)
    installation.run(FIRST_DATE)

    installation.build(MERCHANT_DAILY_NET, FIRST_DATE)

    [write] = installation.platform.ledger.writes(after=LONG_AGO, table=MERCHANT_DAILY_NET.name)
    assert write.bytes > 0


def test_what_is_staged_already_is_not_written_again(tmp_path: Path) -> None:
    """A rerun uses no allowance."""
    installation = an_installation(tmp_path)
    installation.deliver(FIRST_DATE)
    installation.run(FIRST_DATE)

    installation.run(FIRST_DATE)

    assert len(installation.platform.ledger.writes(after=LONG_AGO)) == len(CARD_SETTLEMENTS.sources)
