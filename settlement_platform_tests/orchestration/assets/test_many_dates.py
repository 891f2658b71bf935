"""Runs of many dates, good and bad, and runs of a part of the assets."""

from datetime import date

from settlement_platform_tests.orchestration.dagster_home import (
    FIRST_DATE,
    NAME,
    PUBLISHED,
    STAGED,
    WATERMARK,
    DagsterHome,
    day,
)
from settlement_platform_tests.shown_reasons import shows

PUBLISHED_DATES = f"SELECT DISTINCT business_date FROM lake.published.{NAME} ORDER BY ALL"


def keys(*days: date) -> set[str]:
    return {d.isoformat() for d in days}


def test_bad_dates_fail_the_run_by_name_and_stop_no_good_one(home: DagsterHome) -> None:
    """Of five dates one is corrupt and one incomplete: three are published, and nothing is tried twice."""
    for number in (0, 1, 4):
        home.deliver(day(number))
    home.deliver_corrupt(day(2))
    home.deliver_incomplete(day(3))

    run = home.run(day(0), day(4))

    good = keys(day(0), day(1), day(4))
    assert not run.success
    assert home.materialized(PUBLISHED) == home.materialized(STAGED) == good
    assert home.query(PUBLISHED_DATES) == [(day(n),) for n in (0, 1, 4)]
    assert run.failure.startswith("2 of 5 dates are not published.")
    assert f"{day(2)}: refused: values_readable:" in run.failure
    assert f"{day(3)}: waiting: amex: no file" in run.failure
    assert not any(str(day(n)) in run.failure.splitlines()[0] for n in (0, 1, 4))
    assert (run.count("STEP_START"), run.count("STEP_UP_FOR_RETRY")) == (1, 0)
    checks = {c.check_name: c for c in run.checks}
    assert not checks["values_readable"].passed
    assert checks["values_readable"].description.startswith(f"4 of 5 dates pass. {day(2)}: ")
    samples = checks["values_readable"].metadata["samples"].value.records
    assert samples[0].data["file"] == f"{day(2)}/visa/cards.csv"
    assert (samples[0].data["line"], samples[0].data["value"]) == (2, "12.50")
    assert [m.metadata["watermark"].value for m in home.materializations(WATERMARK)] == [day(1).isoformat()]


def test_a_filled_gap_moves_the_watermark_over_the_dates_beyond_it(home: DagsterHome) -> None:
    """It is materialized once for all of them, and not at all by a replay of an old date."""
    for number in (0, 2, 3):
        home.deliver(day(number))
    home.run(day(0), day(3))
    home.deliver(day(1))

    filling = home.run(day(1))
    after_filling = [m.metadata["watermark"].value for m in home.materializations(WATERMARK)]
    replay = home.run(day(0))

    assert filling.success
    assert replay.success
    assert after_filling == [day(3).isoformat(), day(0).isoformat()]
    assert [m.metadata["watermark"].value for m in home.materializations(WATERMARK)] == after_filling


def test_a_watermark_that_moved_outside_dagster_is_reported_by_the_next_run(home: DagsterHome) -> None:
    """As after a run that died between its commit and its report."""
    home.deliver(day(0))
    home.deliver(day(1))
    home.without_dagster().run(day(0))
    unreported = home.materializations(WATERMARK)

    home.run(day(0))

    assert unreported == []
    assert [m.metadata["watermark"].value for m in home.materializations(WATERMARK)] == [day(0).isoformat()]
    assert home.materialized(PUBLISHED) == keys(day(0))


def test_publishing_needs_the_verdict_that_staging_leaves(home: DagsterHome) -> None:
    """Selected alone, the published asset goes through the same door, and staging alone opens it for nobody."""
    home.deliver(FIRST_DATE)

    without_verdict = home.run(FIRST_DATE, keys=[PUBLISHED])
    staging = home.run(FIRST_DATE, keys=[STAGED])
    published_by_staging = (home.query(PUBLISHED_DATES), home.materialized(PUBLISHED))
    with_verdict = home.run(FIRST_DATE, keys=[PUBLISHED])

    assert not without_verdict.success
    assert shows(without_verdict.failure, "verdict_missing")
    assert without_verdict.count("STEP_START") == 1
    assert staging.success
    assert len(staging.checks) == 20
    assert home.materialized(STAGED) == keys(FIRST_DATE)
    assert published_by_staging == ([], set())
    assert with_verdict.success
    assert home.query(PUBLISHED_DATES) == [(FIRST_DATE,)]
    assert home.materialized(PUBLISHED) == keys(FIRST_DATE)


def test_a_refused_correction_leaves_the_published_date_as_it_was(home: DagsterHome) -> None:
    """The run fails and says why; readers, and the partition in Dagster, keep the generation before."""
    home.deliver(FIRST_DATE)
    home.run(FIRST_DATE)
    rows = home.query(f"SELECT * FROM lake.published.{NAME} ORDER BY ALL")
    home.deliver_corrupt(FIRST_DATE)

    run = home.run(FIRST_DATE)

    assert not run.success
    assert "values_readable" in run.failure
    assert home.query(f"SELECT * FROM lake.published.{NAME} ORDER BY ALL") == rows
    assert home.materialized(PUBLISHED) == keys(FIRST_DATE)
    assert len(home.materializations(PUBLISHED)) == 1


def test_staging_alone_puts_no_publishing_on_record(home: DagsterHome) -> None:
    """The attempt ends with the validation, as requested."""
    home.deliver(day(0))

    run = home.run(day(0), keys=[STAGED])

    attempts = home.without_dagster().platform.ledger.attempts(NAME, day(0), day(0))
    assert run.success
    assert [(a.step, a.outcome) for a in attempts if a.step == "publish"] == []
    assert (attempts[-1].step, attempts[-1].outcome) == ("validate", "succeeded")
