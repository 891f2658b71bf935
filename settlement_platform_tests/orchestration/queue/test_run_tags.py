"""The description of a run becomes the tags by which the queue limits it."""

from datetime import timedelta

import dagster as dg
import time_machine
from dagster._core.utils import make_new_run_id

from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.orchestration import tags
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.orchestration.queue.run_tags import tag_run
from settlement_platform_tests.builders import NOW
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, STAGED, DagsterHome, day
from settlement_platform_tests.orchestration.sensor_ticks import tick

YESTERDAY = (NOW - timedelta(days=1)).date().isoformat()
OLD = (NOW - timedelta(days=30)).date().isoformat()
MART = "merchant_daily_net"


def stamped(parent: dict[str, str] | None = None, /, *keys: dg.AssetKey, **parts: object) -> dict[str, str]:
    """The tags of a run with these assets; `tags` and `run_config` as given."""
    run = dg.DagsterRun(
        job_name="a_job",
        run_id=make_new_run_id(),
        asset_selection=frozenset(keys) or None,
        tags=parts.get("tags", {}),
        run_config=parts.get("run_config", {}),
    )
    before = dg.DagsterRun(job_name="a_job", run_id=make_new_run_id(), tags=parent) if parent else None
    return tag_run(run, parent=before, now=NOW)


def test_a_delivery_that_changes_an_old_date_is_a_correction() -> None:
    """In the days in which the date is open it is as urgent as the date itself."""
    found = [
        stamped(None, PUBLISHED, tags={"dagster/partition": date, tags.RESTATES_TAG: "true"})[tags.CLASS_TAG]
        for date in (OLD, YESTERDAY)
    ]

    assert found == ["correction", "fresh"]


def test_the_sensor_says_when_a_delivery_changes_what_is_published(home: DagsterHome) -> None:
    """The first delivery of a date restates nothing."""
    home.deliver(day(0))
    home.run(day(0))
    home.correct(day(0))
    home.deliver(day(1))

    with time_machine.travel(f"{day(2)}T05:00:00+00:00", tick=False):
        launched = {r.partition_key: r.tags.get(tags.RESTATES_TAG) for r in tick(home, f"arrivals_{NAME}").launched}

    assert launched == {day(0).isoformat(): "true", day(1).isoformat(): None}


def test_an_operators_action_is_fresh_and_names_its_dataset() -> None:
    config = {"ops": {"carry_out_approve": {"config": {"dataset": NAME, "reason": "agreed"}}}}

    found = stamped(None, tags={tags.OPERATOR_TAG: "approve"}, run_config=config)

    assert (found[tags.CLASS_TAG], found[tags.DATASET_TAG]) == ("fresh", NAME)
    assert tags.TABLE_TAG not in found


def test_maintenance_has_a_class_of_its_own() -> None:
    """It names its dataset, if it has one, and takes no reserved slot."""
    found = stamped(None, tags={tags.MAINTENANCE_TAG: "true"})

    assert (found[tags.CLASS_TAG], found[tags.SLOTS_TAG]) == (ServiceClass.MAINTENANCE, tags.COMMON)


def test_a_run_of_several_assets_counts_as_its_dataset_and_says_so() -> None:
    """A tag has one value; the marts of the run are named in the reason."""
    found = stamped(None, published_key(MART), STAGED, PUBLISHED, tags={"dagster/partition": YESTERDAY})

    assert found[tags.DATASET_TAG] == NAME
    assert found[tags.DATE_TAG] == f"{NAME}:{YESTERDAY}"
    assert f"also makes {MART}" in found[tags.CLASS_REASON_TAG]


def test_a_run_that_only_stages_writes_no_table() -> None:
    found = stamped(None, staged_key(NAME), tags={"dagster/partition": YESTERDAY})

    assert tags.TABLE_TAG not in found


def test_what_is_unknown_here_has_no_owner_and_no_claim() -> None:
    """Dates that are no dates count as none."""
    found = stamped(None, published_key("unheard_of"), tags={"dagster/partition": "west"})

    assert (found[tags.OWNER_TAG], found[tags.CLASS_TAG]) == ("nobody", "backfill")
    assert tags.DATE_TAG not in found


def test_a_run_again_keeps_its_class_but_a_date_does_not_stay_open_for_it() -> None:
    """A run that was fresh when it failed is judged by its date when it is executed again."""
    old, open_date = {"dagster/partition": OLD}, {"dagster/partition": YESTERDAY}

    found = [
        stamped({tags.CLASS_TAG: before}, PUBLISHED, tags=given)[tags.CLASS_TAG]
        for before, given in (("fresh", old), ("fresh", open_date), ("correction", old), ("backfill", open_date))
    ]

    assert found == ["backfill", "fresh", "correction", "backfill"]
