"""Requirements for retries: they repeat work, with growing pauses and a limit, and only where it can heal."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.policies import RetryPolicy
from settlement_platform.control.publishing.gate import Action
from settlement_platform.marts.catalog import MARTS
from settlement_platform.orchestration.assets import step
from settlement_platform.pipeline.inspection.attempt_history import attempt_summaries
from settlement_platform_tests.deliveries import SOURCES
from settlement_platform_tests.orchestration.dagster_home import DagsterHome
from settlement_platform_tests.pipeline.boundaries import BOUNDARIES, happening
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.pipeline.published_rows import expected_rows
from settlement_platform_tests.scenarios.mornings import Morning, day

QUICK = RetryPolicy(base_seconds=0.04, cap_seconds=10.0)
"""The declared policy, in hundredths of its seconds."""


@pytest.fixture
def morning(tmp_path: Path) -> Morning:
    return Morning(tmp_path / "home")


class Tried:
    """A home and its run of the first date: one whose bucket no port answers for, or one with a folder."""

    def __init__(self, folder: Path, *, bucket: bool) -> None:
        remote = {"SETTLEMENT_LANDING_URL": "s3://raw", "SETTLEMENT_S3_ENDPOINT_URL": "http://127.0.0.1:1"}
        self._home = DagsterHome(folder, **(remote if bucket else {}))
        if not bucket:
            self._home.deliver_corrupt(day(0))
        self.run = self._home.run(day(0))

    @property
    def pauses(self) -> list[float]:
        """The seconds that the instance waits before each retry."""
        data = [e.step_retry_data for e in self.run.result.all_events if e.event_type_value == "STEP_UP_FOR_RETRY"]
        return [float(d.seconds_to_wait or 0) for d in data]

    @property
    def ends(self) -> list[tuple[str, int, str]]:
        """How each try ended: outcome, number of the retry, and who did not answer."""
        attempts = self._home.without_dagster().platform.ledger.attempts(NAME, day(0), day(0))
        return [(a.outcome, a.retry, a.dependency) for a in attempts if a.outcome != "started"]

    def close(self) -> None:
        """Close the instance."""
        self._home.close()


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Tried]]:
    """Two that fail in the same moment for want of an answer, and a third for bad input."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        patch.setattr(step, "_POLICY", QUICK)
        found = [Tried(tmp_path_factory.mktemp("tried"), bucket=bucket) for bucket in (True, True, False)]
    yield found
    for each in found:
        each.close()


def test_retries_are_capped_back_off_exponentially_and_never_come_in_a_herd(tried: list[Tried]) -> None:
    """Three after the first try, each pause from the upper half of one that doubles, and no two alike."""
    one, other, _ = tried

    assert not one.run.success
    assert not other.run.success
    assert [len(one.pauses), len(other.pauses)] == [QUICK.max_retries] * 2
    for number, drawn in enumerate(zip(one.pauses, other.pauses, strict=True)):
        ceiling = QUICK.base_seconds * 2**number
        assert all(ceiling / 2 <= pause <= ceiling for pause in drawn)
        assert len(set(drawn)) == len(drawn)


def test_retry_depth_distinguishes_flaky_infrastructure_from_bad_input(tried: list[Tried]) -> None:
    """A store that does not answer is tried four times and named; what breaks a rule is tried once, and names it."""
    flaky, _, refused = tried

    assert flaky.ends == [("failed", retry, "landing") for retry in range(4)]
    assert refused.ends == [("refused", 0, "")]
    assert (refused.run.success, refused.pauses) == (False, [])
    assert "values_readable" in refused.run.failure


def test_retries_repeat_work_and_never_compound_it(morning: Morning) -> None:
    """Failing at each boundary between two steps, the date is published once, whole, and nothing is skipped."""
    dates = {boundary: day(number) for number, boundary in enumerate(BOUNDARIES)}
    delivered = {each: morning.deliver(each) for each in dates.values()}

    for boundary, each in dates.items():
        with happening(BOUNDARIES[boundary], _fail):
            morning.fails(each)
        for retry in (1, 2):
            morning.run(each, retry=retry)

    assert {d: morning.there.rows(d) for d in delivered} == {d: expected_rows(f) for d, f in delivered.items()}
    assert {tuple(morning.history(d)) for d in delivered} == {("final",)}
    assert morning.watermark() == max(delivered)


def _fail() -> None:
    message = "the store went away"
    raise TransientFailure(message)


def test_a_replay_inflates_no_count_and_duplicates_no_fact(morning: Morning) -> None:
    """Three times the whole way, to the marts: the sums are those of the files, and each date has one generation."""
    days = [day(0), day(1)]
    delivered = [d for each in days for d in morning.deliver(each)]

    for _ in range(3):
        for each in days:
            morning.run(each)
        morning.build(*days)

    gross = sum(int(row["amount_minor"]) for d in delivered for row in d.rows)
    rows = sum(len(d.rows) for d in delivered)
    for mart in MARTS:
        sums = f"SELECT sum(gross_minor)::BIGINT, sum(transactions)::BIGINT FROM lake.published.{mart.name}"
        assert morning.read(sums) == [(gross, rows)]
        assert morning.history(days[0], mart.name) == ["final"]
    assert morning.read(f"SELECT count(*), count(DISTINCT transaction_id) FROM lake.published.{NAME}") == [(rows, rows)]


class Killed(BaseException):
    """Ends a try without a word, as a kill does: nothing catches it."""


def _killed_while_staging(morning: Morning, business_date: date) -> None:
    def die() -> None:
        raise Killed

    with pytest.raises(Killed), happening(BOUNDARIES["after a staging is recorded"], die):
        morning.run(business_date)


def test_an_attempt_records_which_source_offset_and_step_it_reached(morning: Morning) -> None:
    """Killed between two sources, its record tells which was staged whole, and from where the next one is read."""
    first = day(0)
    morning.deliver(first, rows=4)
    _killed_while_staging(morning, first)

    (story,) = attempt_summaries(morning.platform, NAME, first)
    arrivals = {a.source: a for a in morning.platform.ledger.arrivals(NAME, first, first)}

    assert (story.died, story.step, story.run_id) == (True, "stage", f"run of {first} at 03:00, try 0")
    assert story.staged == ((SOURCES[0], 4),)
    assert story.unfinished == SOURCES[1:]
    assert next(r.parameters["source"] for r in story.reasons if r.code == "source_not_staged") == SOURCES[1]
    assert set(arrivals) == set(SOURCES)


def test_a_rerun_goes_on_where_the_last_attempt_stopped(morning: Morning) -> None:
    """Sources that were staged whole are not staged again; the rest is, and the date ends as usual."""
    first = day(0)
    delivered = morning.deliver(first)
    _killed_while_staging(morning, first)
    folder = morning.home / "staging" / NAME / str(first)
    (kept,) = morning.platform.ledger.stagings(NAME, first, first)

    again = morning.run(first)

    staged = [s.path for s in again.stagings]
    assert again.decision.action is Action.PUBLISH
    assert kept.path in staged
    assert len(staged) == len(SOURCES)
    assert list(folder.iterdir()) == []
    assert morning.there.rows(first) == expected_rows(delivered)
