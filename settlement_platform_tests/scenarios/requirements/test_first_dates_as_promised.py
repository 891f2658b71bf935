"""A dataset that begins later than the installation is measured, run and shown from its own first date on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from settlement_platform.catalog import Catalog
from settlement_platform.cli.inspect.next_steps import date_views, next_steps
from settlement_platform.cli.inspect.status import assess_status
from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.definitions import platform_resource
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.assembly import assemble
from settlement_platform.orchestration.keys import published_key
from settlement_platform.pipeline.backfills.plan import BackfillSelection, plan_dataset
from settlement_platform.pipeline.inspection.freshness import freshness_of
from settlement_platform.pipeline.landing.scan import preview_scan
from settlement_platform.pipeline.marts.build_mart import build_mart
from settlement_platform.pipeline.operators import actions
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform.settings import load_settings
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, REQUEST
from settlement_platform_tests.scenarios.mornings import Morning, day

BEGINS = day(44)
LATE_STARTER = replace(CARD_SETTLEMENTS, first_date=BEGINS)
EARLY = replace(CARD_SETTLEMENTS, name="earlier")
BOTH = replace(MARTS[0], inputs=(NAME, "earlier"))


def begin(home: Path, catalog: Catalog) -> Morning:
    """A home with this catalog, on the morning after the late starter's first date."""
    morning = Morning(home, dataset=LATE_STARTER, marts=catalog.marts)
    morning.platform = replace(morning.platform, catalog=catalog)
    morning.there.platform = morning.platform
    morning.at(BEGINS, "05:50")
    return morning


@pytest.fixture
def morning(tmp_path: Path) -> Iterator[Morning]:
    return begin(tmp_path / "home", Catalog(datasets=(LATE_STARTER,), marts=MARTS))


def test_a_dataset_that_begins_today_is_not_days_late(morning: Morning) -> None:
    """Its files are due on its first date's morning, and nothing is due of the dates before."""
    fresh = freshness_of(morning.platform, LATE_STARTER, morning.now)
    morning.at(BEGINS, "07:00")
    overdue = freshness_of(morning.platform, LATE_STARTER, morning.now)

    assert (fresh.due, fresh.on_time) == (BEGINS, True)
    assert (overdue.due, overdue.lag) == (BEGINS, timedelta(hours=1))


def test_the_watermark_begins_with_the_first_date_of_the_dataset_and_of_its_marts(morning: Morning) -> None:
    morning.there.deliver(BEGINS)

    ran = morning.run(BEGINS)
    morning.at(BEGINS, "06:10")
    built = [build_mart(morning.platform, mart, BEGINS, REQUEST) for mart in MARTS]

    assert [o.watermark for o in (ran, *built)] == [BEGINS] * 3
    found = [assess_status(morning.platform, d, morning.now, ()) for d in (LATE_STARTER, *MARTS)]
    assert [(s.watermark, s.freshness_lag, s.safe_to_read) for s in found] == [(BEGINS, timedelta(0), True)] * 3


def test_a_first_date_that_is_declared_after_the_first_publication_counts_at_once(tmp_path: Path) -> None:
    """The lake has no watermark of it yet, as every date before is missing."""
    morning = Morning(tmp_path / "home")
    morning.at(BEGINS, "05:50")
    morning.there.deliver(BEGINS)
    morning.run(BEGINS)
    before = freshness_of(morning.platform, CARD_SETTLEMENTS, morning.now)

    morning.at(BEGINS, "06:10")
    declared = replace(morning.platform, catalog=Catalog(datasets=(LATE_STARTER,), marts=MARTS))
    after = freshness_of(declared, LATE_STARTER, morning.now)

    assert (before.watermark, before.due) == (None, FIRST_DATE)
    assert (after.watermark, after.due, after.lag) == (BEGINS, BEGINS + timedelta(days=1), timedelta(0))


def test_a_first_date_that_is_set_earlier_takes_the_watermark_back(tmp_path: Path) -> None:
    """It is shown at once. The lake stores the day before the first date with the next publication."""
    morning = begin(tmp_path / "home", Catalog(datasets=(LATE_STARTER,), marts=MARTS))
    late, days = morning.platform, [BEGINS + timedelta(days=n) for n in (-2, -1, 0, 1)]
    for each in days:
        morning.there.deliver(each)
    morning.run(BEGINS)
    earlier = replace(LATE_STARTER, first_date=days[0])
    morning.platform = replace(late, catalog=Catalog(datasets=(earlier,), marts=MARTS))

    found, ran = [_watermarks(morning, earlier)], []
    for clock, each in (("06:00", days[3]), ("06:01", days[0]), ("06:02", days[1])):
        morning.at(days[3], clock)
        ran.append(validate_and_publish(prepare(morning.platform, earlier, each, REQUEST)).watermark)
        found.append(_watermarks(morning, earlier))

    gap = days[0] - timedelta(days=1)
    assert found == [(None, BEGINS), (None, gap), (days[0], days[0]), (days[3], days[3])]
    assert ran == [None, days[0], days[3]]


def _watermarks(morning: Morning, dataset: Dataset) -> tuple[date | None, date | None]:
    """The watermark that is shown, and the one that the lake stores."""
    return freshness_of(morning.platform, dataset, morning.now).watermark, morning.watermark(dataset.name)


def test_owners_hear_nothing_of_dates_before_the_first_one(morning: Morning) -> None:
    morning.at(BEGINS, "07:00")

    events = morning.watch()

    assert {e.business_date for e in events if e.business_date} == {BEGINS}
    assert all(str(FIRST_DATE) not in e.summary for e in events)


def test_files_before_the_first_date_are_shown_as_before_it_and_launch_nothing(morning: Morning) -> None:
    yesterday = BEGINS - timedelta(days=1)
    morning.there.deliver(yesterday)
    morning.there.deliver(BEGINS)

    scanned = preview_scan(morning.platform, LATE_STARTER)
    (view,) = date_views(morning.platform, LATE_STARTER, yesterday, yesterday)

    assert {*scanned.unread, *(d.business_date for d in scanned.decisions)} == {BEGINS}
    assert [reason.code for reason in view.decision.reasons] == ["before_declared_first_date"]  # type: ignore[attr-defined]
    step = next_steps(morning.platform, LATE_STARTER, view).next_step
    remark = {"code": "before_declared_first_date_remark", "parameters": {}}
    assert (step.code, step.parameters) == ("no_step", {"remark": remark})


def test_a_date_before_the_first_one_cannot_be_skipped(morning: Morning) -> None:
    with pytest.raises(ActionRefused) as refused:
        actions.skip(morning.platform, LATE_STARTER, BEGINS - timedelta(days=1), REQUEST)
    skipped = actions.skip(morning.platform, LATE_STARTER, BEGINS, REQUEST)

    assert refused.value.code == "not_a_business_date"
    assert (skipped.decision.action, skipped.watermark) == (Action.PUBLISH, BEGINS)


def test_a_mart_begins_with_the_latest_of_its_inputs() -> None:
    """Each of its dates is built from all of them."""
    catalog = Catalog(datasets=(LATE_STARTER, EARLY), marts=(BOTH, *MARTS[1:]))

    found = {name: catalog.first_date_of(name, FIRST_DATE) for name in catalog.names}

    assert found == {NAME: BEGINS, "earlier": FIRST_DATE, **{m.name: BEGINS for m in MARTS}}


def test_a_declared_first_date_before_that_of_the_installation_changes_nothing() -> None:
    catalog = Catalog(datasets=(replace(CARD_SETTLEMENTS, first_date=date(2020, 1, 1)),), marts=MARTS)

    assert {catalog.first_date_of(name, FIRST_DATE) for name in catalog.names} == {FIRST_DATE}


def test_a_backfill_takes_no_date_of_a_mart_before_its_first_one(tmp_path: Path) -> None:
    morning = begin(tmp_path / "home", Catalog(datasets=(LATE_STARTER, EARLY), marts=(BOTH,)))
    selection = BackfillSelection(first=BEGINS - timedelta(days=2), last=BEGINS)

    plan = plan_dataset(morning.platform, EARLY, selection, [BOTH])

    assert plan.choice.dates == tuple(BEGINS - timedelta(days=n) for n in (2, 1, 0))
    assert plan.marts == {BOTH.name: (BEGINS,)}


def test_partitions_begin_with_the_first_date_and_jobs_still_load(tmp_path: Path) -> None:
    """Dagster allows one partitioning in a job: the mart of both is in the job of the later input alone."""
    settings = load_settings({"SETTLEMENT_HOME": str(tmp_path)})

    definitions = assemble(
        datasets=[LATE_STARTER, EARLY], marts=[BOTH], platform=platform_resource(settings), first_date=FIRST_DATE
    )

    graph = definitions.resolve_asset_graph()
    starts = {name: _start(graph.get(published_key(name)).partitions_def) for name in (NAME, "earlier", BOTH.name)}
    assert starts == {NAME: BEGINS, "earlier": FIRST_DATE, BOTH.name: BEGINS}
    jobs = {job.name: job.asset_layer.selected_asset_keys for job in definitions.get_repository_def().get_all_jobs()}
    assert published_key(BOTH.name) in jobs[f"daily_{NAME}"]
    assert published_key(BOTH.name) not in jobs["daily_earlier"]


def _start(partitions: object) -> date:
    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    return partitions.start.date()
