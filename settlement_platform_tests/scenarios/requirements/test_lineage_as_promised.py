"""Requirements for metadata and lineage: records answer every question, without logs."""

import hashlib
from pathlib import Path

import pytest

from settlement_platform.marts.catalog import MARTS
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform_tests.builders import codes
from settlement_platform_tests.deliveries import Delivery
from settlement_platform_tests.orchestration.dagster_home import BOTH, NAME, DagsterHome
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.pipeline.operating import a_refused_visa, a_visa
from settlement_platform_tests.scenarios.mornings import Morning, day
from settlement_platform_tests.shown_reasons import shows


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


def sha256_of(delivery: Delivery) -> str:
    """Of the delivered bytes, computed here."""
    return hashlib.sha256(delivery.data_bytes).hexdigest()


def test_nobody_needs_logs_to_learn_whether_an_interval_is_complete(morning: Morning) -> None:
    """Five dates in five states are distinguished from the stores alone, each with its reason."""
    morning.settle(day(0))
    morning.deliver(day(1), "visa")
    morning.deliver(day(2))
    a_refused_visa(day(2)).write(morning.there.landing)
    morning.run(day(2))
    morning.deliver(day(3))
    morning.at(day(3), "03:00")

    states = morning.states(day(0), day(4))

    assert states == ["final", "late", "quarantined", "waiting", "waiting"]
    found = {n: morning.view(day(n)).state.reasons for n in range(5)}
    reasons = {n: " ".join(each) for n, each in found.items()}
    assert codes(found[0])[0] == "published_as"
    assert "mastercard" in reasons[1]
    assert "rows_as_declared" in reasons[2]
    assert codes(found[3])[0] == "validation_pending"
    assert shows(reasons[4], "file_due")


def test_every_attempt_is_on_record_with_its_run_and_its_end(morning: Morning) -> None:
    """The tries that waited, that were refused and that published, in order, each in a run of its own."""
    clocks = {"04:00": ("visa", "mastercard"), "05:00": ("amex",), "06:00": ()}
    for clock, sources in clocks.items():
        morning.at(day(0), clock)
        if sources:
            morning.deliver(day(0), *sources)
        if clock == "05:00":
            a_refused_visa(day(0)).write(morning.there.landing)
        elif not sources:
            a_visa(day(0)).write(morning.there.landing)
        morning.run(day(0))

    attempts = morning.platform.ledger.attempts(NAME, day(0), day(0))
    ends = [(a.run_id, a.outcome) for a in attempts if a.outcome != "started"]
    assert ends == [
        (f"run of {day(0)} at 04:00, try 0", "waiting"),
        (f"run of {day(0)} at 05:00, try 0", "refused"),
        (f"run of {day(0)} at 06:00, try 0", "succeeded"),
    ]
    assert [v.passed for v in morning.platform.ledger.verdict_history(NAME, day(0), day(0))][-2:] == [False, True]


def test_how_far_readers_could_rely_on_it_is_on_record_for_every_moment(morning: Morning) -> None:
    """Each move of the watermark with its time; a date that closes a gap moves it over those behind the gap."""
    for number, clock in {0: "03:50", 2: "04:10", 1: "05:20"}.items():
        morning.at(day(2), clock)
        morning.deliver(day(number))
        morning.run(day(number))

    moves = morning.read(
        f"SELECT watermark, strftime(published_at, '%H:%M') FROM lake.platform.watermark_moves "
        f"WHERE dataset = '{NAME}' ORDER BY published_at"
    )

    assert moves == [(day(0), "03:50"), (day(2), "05:20")]


def test_an_auditor_finds_the_run_the_checksums_and_the_time_of_a_publication(tmp_path: Path) -> None:
    """With a plain client: the run that the instance knows, and the sums of the delivered bytes."""
    home = DagsterHome(tmp_path / "home")
    home.deliver(day(0))
    run = home.run(day(0))
    home.close()

    ((run_id, published_at, verdict, sources),) = home.query(
        "SELECT run_id, published_at, json_extract(verdict, '$.checks') IS NOT NULL, "
        'from_json(sources, \'[{"key": "VARCHAR", "sha256": "VARCHAR"}]\') FROM lake.published.publications'
    )

    delivered = {s["key"]: hashlib.sha256((home.landing / s["key"]).read_bytes()).hexdigest() for s in sources}
    assert run_id == run.result.run_id
    assert published_at is not None
    assert verdict
    assert {s["key"]: s["sha256"] for s in sources} == delivered
    assert len(delivered) == 3


def test_a_wrong_figure_is_traced_to_the_delivered_record(morning: Morning) -> None:
    """From a row of a mart over the generation it was built from to file, checksum and record number."""
    visa, *_ = morning.deliver(day(0))
    morning.run(day(0))
    morning.build(day(0))

    (mart,) = morning.platform.lake.history(MERCHANT_DAILY_NET.name, day(0))
    (used,) = mart.sources
    publication = morning.platform.lake.history(used.source, day(0))[(used.generation or 0) - 1]
    source = next(s for s in publication.sources if s.source == "visa")
    ((record, amount),) = morning.read(
        f"SELECT source_row_number, amount_minor FROM lake.published.{NAME} "
        "WHERE merchant_id = 'm-1' AND currency = 'USD' AND source = 'visa'"
    )

    assert used.source == NAME
    assert used.sha256 == publication.content_hash
    assert (source.key, source.sha256) == (visa.data_key, sha256_of(visa))
    assert int(visa.rows[record - 1]["amount_minor"]) == amount


def test_lineage_says_which_versions_of_its_input_made_each_generation_of_a_mart(morning: Morning) -> None:
    """A corrected input has the mart built again, and both of its generations name theirs."""
    morning.deliver(day(0))
    for rows in (3, 5):
        a_visa(day(0), rows).write(morning.there.landing)
        morning.run(day(0))
        morning.build(day(0))

    inputs = morning.platform.lake.history(NAME, day(0))
    built = morning.platform.lake.history(MERCHANT_DAILY_NET.name, day(0))

    made_of = [[(s.source, s.generation, s.sha256) for s in p.sources] for p in built]
    assert made_of == [[(NAME, p.generation, p.content_hash)] for p in inputs]
    assert len(made_of) == 2


def test_a_corrected_input_has_exactly_what_was_made_of_it_built_again(tmp_path: Path) -> None:
    """Of two dates one is corrected: the sensor requests its two marts, and nothing else."""
    home = DagsterHome(tmp_path / "home")
    there = home.without_dagster()
    for number in range(2):
        home.deliver(day(number))
        there.run(day(number))
        for mart in MARTS:
            there.build(mart, day(number))
    before = tick(home, "marts_follow")

    home.correct(day(1))
    home.run(day(1), keys=BOTH)
    after = tick(home, "marts_follow")
    home.close()

    assert before.days == []
    assert after.days == [str(day(1))] * 2
