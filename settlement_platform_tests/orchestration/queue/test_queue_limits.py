"""The next runs of the queue under the limits of `dagster.yaml`, as Dagster's own daemon decides."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from settlement_platform.control.queue.service_classes import AGEING, ServiceClass
from settlement_platform.orchestration import tags
from settlement_platform.orchestration.queue.run_coordinator import SettlementRunCoordinator
from settlement_platform.orchestration.sensors.queue_ageing import age_queue
from settlement_platform.settings import PROJECT
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.orchestration.private_daemon import QueuedRunCoordinatorDaemon
from settlement_platform_tests.orchestration.queued_runs import add_runs, stamped

FRESH, CORRECTION, BACKFILL, MAINTENANCE = ServiceClass
QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED


def many(count: int, service_class: ServiceClass) -> list[dict[str, str]]:
    """Runs of as many datasets and owners."""
    return [stamped(service_class, dataset=f"dataset_{n}", owner=f"owner_{n}") for n in range(count)]


def add(home: DagsterHome, runs: Sequence[Mapping[str, str]], status: dg.DagsterRunStatus = QUEUED) -> list[str]:
    """Put runs on the instance; their ids."""
    return add_runs(home.instance, runs, status)


def taken(home: DagsterHome) -> list[str]:
    """The ids of the runs that the queue starts at its next tick, in order."""
    queue = QueuedRunCoordinatorDaemon(interval_seconds=1)
    chosen = queue._get_runs_to_dequeue(  # noqa: SLF001 - Dagster gives the decision no public name
        home.instance, home.instance.get_concurrency_config(), fixed_iteration_time=None
    )
    return [run.run_id for run in chosen]


def limits() -> list[dict[str, Any]]:
    """The limits of the project's `dagster.yaml`."""
    document = yaml.safe_load((Path(PROJECT) / "dagster.yaml").read_text(encoding="utf-8"))
    return list(document["concurrency"]["runs"]["tag_concurrency_limits"])


def test_every_tag_that_is_stamped_is_limited_or_only_shown() -> None:
    """Every limited tag is stamped; a tag that runs bring along is neither."""
    declared = {v for name, v in vars(tags).items() if name.endswith("_TAG")}
    brought_along = {
        tags.RESTATES_TAG,
        tags.MAINTENANCE_TAG,
        tags.OPERATOR_TAG,
        tags.CATCH_UP_TAG,
        tags.BACKFILL_PRIORITY_TAG,
        tags.WAITS_SINCE_TAG,
    }

    assert {limit["key"] for limit in limits()} == set(tags.LIMITED_TAGS)
    assert declared == tags.LIMITED_TAGS | tags.DISPLAYED_TAGS | brought_along
    assert not tags.LIMITED_TAGS & tags.DISPLAYED_TAGS


def test_the_instance_queues_with_our_coordinator_under_these_limits(home: DagsterHome) -> None:
    """Dagster accepts it as its own: the daemon and the page of limits in the web UI both need this."""
    config = home.instance.get_concurrency_config().run_queue_config

    assert isinstance(home.instance.run_coordinator, SettlementRunCoordinator)
    assert home.instance.run_coordinator.dequeue_interval_seconds == 1
    assert config is not None
    assert list(config.tag_concurrency_limits) == limits()
    assert home.instance.run_launcher.supports_check_run_worker_health


def test_fresh_runs_go_first_then_corrections_then_backfills(home: DagsterHome) -> None:
    backfill, correction, fresh = add(
        home, [stamped(c, dataset=c.value, owner=c.value) for c in (BACKFILL, CORRECTION, FRESH)]
    )

    assert taken(home) == [fresh, correction, backfill]


def test_backfills_and_corrections_together_never_take_the_reserved_slot(home: DagsterHome) -> None:
    """They take every other one; a fresh run that comes then finds a slot."""
    add(home, [*many(3, CORRECTION), *many(9, BACKFILL)[4:]])
    alone = taken(home)
    add(home, many(3, BACKFILL), STARTED)
    beside = taken(home)
    (fresh,) = add(home, [stamped(FRESH)])

    assert len(alone) == 3
    assert beside == []
    assert taken(home) == [fresh]


def test_a_fresh_run_does_not_wait_for_a_backfill_of_its_own_table(home: DagsterHome) -> None:
    """The backfill holds all that its dataset and its owner may have."""
    add(home, [stamped(BACKFILL)] * 2, STARTED)
    add(home, [stamped(BACKFILL)])
    (fresh,) = add(home, [stamped(FRESH)])

    assert taken(home) == [fresh]


def test_a_dataset_and_an_owner_leave_a_shared_slot_to_others(home: DagsterHome) -> None:
    ours = add(home, [stamped(BACKFILL)] * 3)
    owners = add(home, [stamped(BACKFILL, dataset="another")])
    others = add(home, [stamped(BACKFILL, dataset="third", owner="ben")])

    assert taken(home) == [*ours[:2], *others]
    assert owners


def test_one_run_at_a_time_works_on_a_date_of_a_dataset(home: DagsterHome) -> None:
    """A run of the date in another dataset does not count."""
    first, _ = add(home, [stamped(FRESH, date="2026-03-01")] * 2)
    (other,) = add(home, [stamped(FRESH, dataset="another", date="2026-03-01")])

    assert taken(home) == [first, other]


def test_maintenance_takes_one_slot(home: DagsterHome) -> None:
    first, *_ = add(home, many(3, MAINTENANCE))

    assert taken(home) == [first]


def test_a_backfill_that_has_waited_rises_and_in_the_end_goes_ahead_of_fresh_runs(home: DagsterHome) -> None:
    """One at a time: the second stays behind them."""
    oldest, second = add(home, many(2, BACKFILL))
    (correction,) = add(home, many(1, CORRECTION))
    fresh = add(home, many(9, FRESH)[5:])
    now = datetime.now(UTC)

    at_once = age_queue(home.instance, now)
    new_correction_waits = _order(home)
    hours = age_queue(home.instance, now + timedelta(hours=5))
    later = age_queue(home.instance, now + AGEING.longest_wait)
    again = age_queue(home.instance, now + 2 * AGEING.longest_wait)

    assert at_once == []
    assert new_correction_waits[-3:] == [correction, oldest, second]
    assert {a.run_id for a in hours} == {oldest, second, correction}
    assert [a.run_id for a in later if a.priority == AGEING.overtaking] == [oldest]
    assert [a.run_id for a in again if a.priority == AGEING.overtaking] == []
    assert taken(home) == [oldest, *fresh[:3]]


def _order(home: DagsterHome) -> list[str]:
    runs = home.instance.get_runs(dg.RunsFilter(statuses=[QUEUED]), ascending=True)
    return [r.run_id for r in sorted(runs, key=lambda r: -int(r.tags[tags.PRIORITY_TAG]))]
