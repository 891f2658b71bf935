"""Requirements for intervals, staging, the gate and publishing, as a plain reader sees them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import time_machine

from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.publishing.gate import Action
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.keys import published_key
from settlement_platform.pipeline import date_lock
from settlement_platform_tests.deliveries import COLUMNS, CsvForm, Delivery, Row, a_row, some_rows
from settlement_platform_tests.orchestration.dagster_home import (
    LANDING,
    PUBLISHED,
    STAGED,
    WATERMARK,
    DagsterHome,
    evaluate_schedule,
)
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, MART_BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, open_home
from settlement_platform_tests.pipeline.operating import run
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.scenarios.mornings import Morning, day, on_the_morning_after


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterHome]:
    """An instance for the tests that ask Dagster; each has dates of its own."""
    found = DagsterHome(tmp_path_factory.mktemp("home"))
    yield found
    found.close()


def test_the_scheduler_works_on_the_interval_that_is_due_and_not_on_the_present_day(home: DagsterHome) -> None:
    """A tick that is made up for days later requests its own date, and its run takes nothing else that lies there."""
    for number in range(3):
        home.deliver(day(number))
    with time_machine.travel(on_the_morning_after(day(9), "04:00"), tick=True):
        (request,) = evaluate_schedule(
            home.definitions, home.settings, on_the_morning_after(day(1), "04:00")
        ).run_requests
        home.run(date.fromisoformat(str(request.partition_key)))

    assert request.partition_key == str(day(1))
    assert home.query(f"SELECT DISTINCT business_date FROM lake.published.{NAME}") == [(day(1),)]


def test_a_green_transform_does_not_imply_published_data(home: DagsterHome) -> None:
    """A run that only stages succeeds, and readers see nothing before the step that publishes has run too."""
    first = day(5)
    home.deliver(first)

    staged = home.run(first, keys=[STAGED])
    seen = home.query(f"SELECT count(*) FROM lake.published.{NAME} WHERE business_date = '{first}'")
    shown = home.materialized(PUBLISHED)
    home.run(first, keys=[PUBLISHED])

    assert staged.success
    assert staged.outcomes[first].verdict.passed
    assert (seen, str(first) in shown) == ([(0,)], False)
    assert home.query(f"SELECT count(*) FROM lake.published.{NAME} WHERE business_date = '{first}'") == [(9,)]


def test_the_graph_says_what_depends_on_what(home: DagsterHome) -> None:
    """From the delivered files to every mart, and from what is published to how far it reaches."""
    graph = home.definitions.resolve_asset_graph()

    parents = {key: set(graph.get(key).parent_keys) for key in graph.get_all_asset_keys()}

    assert parents[LANDING] == set()
    assert parents[STAGED] == {LANDING}
    assert parents[PUBLISHED] == {STAGED}
    assert parents[WATERMARK] == {PUBLISHED}
    assert all(parents[published_key(mart.name)] == {PUBLISHED} for mart in MARTS)


def test_a_row_of_another_interval_is_never_mixed_in(morning: Morning) -> None:
    """A file of the first date with one row of the second is refused whole."""
    rows = [a_row(day(0), "visa", 1), a_row(day(1), "visa", 2)]
    morning.there.deliver(day(0), visa=Delivery(business_date=day(0), source="visa", rows=rows))

    concluded = morning.run(day(0))

    assert concluded.decision.action is Action.REFUSE
    assert any("business_date" in reason for reason in concluded.decision.reasons)
    assert morning.history(day(0)) == morning.history(day(1)) == []


def test_staging_belongs_to_one_interval_and_never_touches_what_readers_see(morning: Morning) -> None:
    """Staged rows of a correction are under their own date, beside untouched files and rows of the lake."""
    delivered = morning.deliver(day(0))
    morning.run(day(0))
    files = {p: p.read_bytes() for p in (morning.home / "lake").rglob("*.parquet")}
    correction = Delivery(business_date=day(0), source="visa", rows=some_rows(day(0), "visa", 5), declared={"rows": 1})
    correction.write(morning.there.landing)

    refused = morning.run(day(0))

    folder = morning.home / "staging" / NAME
    assert refused.decision.action is Action.REFUSE
    assert {p.parent for p in folder.rglob("*.parquet")} == {folder / str(day(0))}
    assert {p: p.read_bytes() for p in (morning.home / "lake").rglob("*.parquet")} == files
    assert morning.there.rows(day(0)) == expected_rows(delivered)


def _visa(rows: Sequence[Row], **changes: object) -> Delivery:
    return replace(Delivery(business_date=FIRST_DATE, source="visa", rows=rows), **changes)  # type: ignore[arg-type]


THREE = some_rows(FIRST_DATE, "visa")
UNFIT = {
    "rows_as_declared": _visa(THREE, declared={"rows": 4}),
    "totals_as_declared": _visa(THREE, declared={"totals": {"EUR": {"amount_minor": 1, "fee_minor": 1}}}),
    "null_rates": _visa([*THREE[:2], a_row(FIRST_DATE, "visa", 3, merchant_id="")]),
    "columns_as_declared": _visa(THREE, form=CsvForm(columns=[c for c in COLUMNS if c != "merchant_id"])),
    "unique_in_date": _visa([*THREE, THREE[0]]),
}


@pytest.mark.parametrize("check", UNFIT)
def test_counts_nulls_schema_and_duplicates_are_checked_before_anything_is_published(
    morning: Morning, check: str
) -> None:
    """The gate stays shut for exactly the broken rule, and the evidence says so."""
    morning.there.deliver(FIRST_DATE, visa=UNFIT[check])

    concluded = morning.run(FIRST_DATE)

    assert concluded.verdict is not None
    assert concluded.decision.action is Action.REFUSE
    assert [c.name for c in concluded.verdict.failures] == [check]
    assert morning.read(f"SELECT count(*) FROM lake.published.{NAME}") == [(0,)]


INSIDE = ("after the files are registered", "after the publication is recorded", "after the watermark is moved")


def test_rows_record_and_watermark_become_visible_in_one_moment(morning: Morning) -> None:
    """At every step of publishing a plain reader sees the date not at all, and after the last one whole."""
    morning.deliver(day(0))
    seen: list[object] = []
    state = f"""
        SELECT (SELECT count(*) FROM lake.published.{NAME}), (SELECT count(*) FROM lake.published.publications),
            (SELECT max(watermark) FROM lake.published.watermarks)
    """

    with ExitStack() as stack:
        for boundary in INSIDE:
            stack.enter_context(happening(BOUNDARIES[boundary], lambda: seen.extend(morning.read(state))))
        morning.run(day(0))

    assert seen == [(0, 0, None)] * len(INSIDE)
    assert morning.read(state) == [(9, 1, day(0))]


def test_one_attempt_at_a_time_works_on_an_interval(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second process that comes in the middle is kept out, and finds everything done afterwards."""
    morning.deliver(day(0))
    other, outcomes = open_home(morning.home), []
    monkeypatch.setattr(date_lock, "LOCK_TIMEOUT_SECONDS", 0.0)

    def come_in_between() -> None:
        with pytest.raises(TransientFailure) as refused:
            run(other, day(0))
        outcomes.append(str(refused.value))

    with happening(BOUNDARIES["after the verdict is recorded"], come_in_between):
        ours = morning.run(day(0))
    theirs = run(other, day(0))

    assert len(outcomes) == 1
    assert str(day(0)) in outcomes[0]
    assert (ours.decision.action, theirs.decision.action) == (Action.PUBLISH, Action.ALREADY_PUBLISHED)
    assert morning.history(day(0)) == ["final"]


def test_what_is_published_by_itself_is_held_up_by_nothing_beside_it(morning: Morning) -> None:
    """A mart that cannot be built takes back neither its input nor the other mart."""
    morning.deliver(day(0))
    morning.run(day(0))
    broken, well = MARTS

    def fail() -> None:
        message = "the staging area is full"
        raise TransientFailure(message)

    with happening(MART_BOUNDARIES["after the verdict is recorded"], fail), pytest.raises(TransientFailure):
        morning.there.build(broken, day(0))
    morning.there.build(well, day(0))

    assert [morning.watermark(name) for name in (NAME, broken.name, well.name)] == [day(0), None, day(0)]
