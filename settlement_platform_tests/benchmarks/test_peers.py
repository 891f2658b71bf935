"""The comparison with other orchestrators measures the same work for all, and refuses wrong results."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import duckdb
import psutil
import pytest

from benchmarks.peers import work
from benchmarks.peers.contenders import CONTENDERS, OURS, PLAIN, turns
from benchmarks.peers.drivers.ours import Ours, make_stores
from benchmarks.peers.drivers.plain import Plain
from benchmarks.peers.environments import HERE, pinned_version
from benchmarks.peers.files import Content, Files, dates
from benchmarks.peers.peer import Peer, Place
from benchmarks.peers.report import markdown
from benchmarks.peers.serving import in_warehouse
from benchmarks.peers.session import NOT_VERIFIED, Result, Turn, take
from benchmarks.peers.targets import judged

PROJECT = Path(__file__).parents[2]
ENVIRONMENTS = sorted({c.environment for c in CONTENDERS.values() if c.environment})
TODAY = date(2026, 3, 4)
TWO_DATES = Turn(peer=PLAIN, dates=2, rows=300)


def a_result(
    peer: str,
    seconds: float,
    *,
    dates: int = 365,
    rows: int = 10_000,
    idle: Sequence[float] = (),
    under: Sequence[float] = (),
) -> Result:
    """A result as one turn writes it."""
    return Result(
        peer=peer,
        dates=dates,
        rows=rows,
        drain_seconds=seconds,
        cpu_seconds=1.0,
        peak_mib=100.0,
        busy_elsewhere=0.0,
        idle_fresh_seconds=idle,
        fresh_under_backfill_seconds=under,
    )


class PublishesTwice(Plain):
    """A contender that appends a date once more."""

    def published(self) -> Mapping[date, Content]:
        with duckdb.connect(str(self.place.folder / "out-many" / "warehouse.duckdb")) as connection:
            connection.execute("INSERT INTO card_settlements SELECT * FROM card_settlements")
        return super().published()


def test_the_plain_script_drains_publishes_fresh_dates_and_says_what_it_cannot_do(tmp_path: Path) -> None:
    files = Files(folder=tmp_path / "files", rows=300)

    result = take(TWO_DATES, Plain, files=files, folder=tmp_path / "plain", today=TODAY)

    assert result.drain_seconds > 0
    assert result.cpu_seconds > 0
    assert len(result.idle_fresh_seconds) == 3
    assert result.fresh_under_backfill_seconds == []
    assert "locked" not in result.not_possible
    assert "one process at a time" in result.not_possible
    assert not (tmp_path / "plain").exists()


def test_rows_that_were_not_delivered_are_no_result(tmp_path: Path) -> None:
    files = Files(folder=tmp_path / "files", rows=300)

    with pytest.raises(RuntimeError, match=NOT_VERIFIED):
        take(TWO_DATES, PublishesTwice, files=files, folder=tmp_path / "plain", today=TODAY)


def test_a_date_that_nobody_requested_is_no_result(tmp_path: Path) -> None:
    files = Files(folder=tmp_path / "files", rows=300)

    class PublishesMore(Plain):
        def published(self) -> Mapping[date, Content]:
            found = super().published()
            return {**found, date(2030, 1, 1): found[TODAY]}

    def driver(place: object) -> Peer:
        return PublishesMore(place)  # type: ignore[arg-type]

    with pytest.raises(RuntimeError, match="2030-01-01: nobody requested it"):
        take(TWO_DATES, driver, files=files, folder=tmp_path / "plain", today=TODAY)


def test_the_work_of_the_others_publishes_a_date_once_however_often_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, days = Files(folder=tmp_path / "files", rows=300), dates(2, last=TODAY)
    files.make(days)
    monkeypatch.setenv(work.LANDING, str(files.folder))
    monkeypatch.setenv(work.OUT, str(tmp_path))

    for day in [*days, days[0]]:
        for step in (work.wait_for_files, work.stage, work.validate, work.publish):
            step(day.isoformat())

    events = [json.loads(line) for line in (tmp_path / work.EVENTS).read_text(encoding="utf-8").splitlines()]
    assert in_warehouse(tmp_path / "warehouse.duckdb") == {day: files.content(day) for day in days}
    assert [e["business_date"] for e in events] == [d.isoformat() for d in (*days, days[0])]


def test_files_are_there_once_every_source_has_its_control_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, (day,) = Files(folder=tmp_path / "files", rows=300), dates(1, last=TODAY)
    files.make([day])
    files.link([day], tmp_path / "landing")
    monkeypatch.setenv(work.LANDING, str(tmp_path / "landing"))
    before = work.files_are_there(day.isoformat())

    (tmp_path / "landing" / day.isoformat() / "amex" / "cards.control.json").unlink()

    assert before
    assert not work.files_are_there(day.isoformat())


def test_this_platform_can_be_read_before_anything_is_published(tmp_path: Path) -> None:
    contender = Ours(Place(files=Files(folder=tmp_path / "files", rows=300), folder=tmp_path / "ours", first=TODAY))
    make_stores(tmp_path / "ours", TODAY)

    found = contender.publications(), contender.published()

    assert found == ({}, {})


def test_stopping_ends_what_the_services_left_behind(tmp_path: Path) -> None:
    """In a process of its own, as it adopts orphans."""
    program = f"""
from pathlib import Path
from benchmarks.peers.processes import Services, adopt_orphans, descendants
adopt_orphans()
services = Services(Path({str(tmp_path)!r}), {{}})
services.run("leaves", ["sh", "-c", "sleep 600 & echo $!"])
print(len(descendants()))
services.stop()
"""

    found = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)

    orphan = int((tmp_path / "leaves.log").read_text(encoding="utf-8"))
    assert found.stdout.split() == ["1"]
    assert not psutil.pid_exists(orphan)


@pytest.mark.parametrize("name", [*ENVIRONMENTS, "plots"])
def test_an_environment_pins_what_it_requests(name: str) -> None:
    requested = (HERE / f"requirements-{name}.in").read_text(encoding="utf-8").splitlines()
    pinned = (HERE / f"requirements-{name}.txt").read_text(encoding="utf-8").splitlines()
    names = [line.split("=")[0].split("[")[0] for line in requested if not line.startswith("#")]

    missing = [n for n in names if not any(p.split("=")[0].split("[")[0] == n for p in pinned)]

    assert missing == []
    assert all("==" in line for line in pinned)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_contender_works_with_this_projects_engine(name: str) -> None:
    assert pinned_version(name, "duckdb") == version("duckdb")


def test_the_tutorials_dagster_is_this_projects() -> None:
    assert pinned_version("dagster", "dagster") == version("dagster")


def test_a_session_runs_the_same_month_for_everybody_and_a_year_of_some() -> None:
    found = turns([*CONTENDERS], year=[PLAIN, OURS], dates=None, rows=None, quick=False)

    small = [turn for turn in found if turn.rows == 10_000]
    assert {t.peer for t in small if t.dates == 30} == set(CONTENDERS)
    assert [t.peer for t in small if t.dates == 365] == [PLAIN, OURS]
    assert [t.peer for t in found if t.rows == 1_000_000] == [PLAIN, OURS]


def test_a_session_of_given_dates_and_rows_requests_nothing_else() -> None:
    found = turns([PLAIN, "airflow"], year=[PLAIN], dates=5, rows=100, quick=False)

    assert {(t.dates, t.rows) for t in found} == {(5, 100)}
    assert [t.peer for t in found] == [PLAIN, "airflow", PLAIN]


def test_targets_are_met_up_to_their_limits() -> None:
    plain, airflow = a_result(PLAIN, 100.0), a_result("airflow", 120.0, dates=30)

    met = judged([plain, airflow, a_result(OURS, 182.5, idle=[4.0], under=[9.0, 10.2])])
    missed = judged([plain, airflow, a_result(OURS, 210.1, idle=[4.0], under=[9.0, 10.3])])

    assert [(t.met, t.limit) for t in met] == [("yes", "210.00 s"), ("yes", "0.50 s"), ("yes", "10.20 s")]
    assert [t.met for t in missed] == ["no", "no", "no"]


def test_large_dates_are_to_take_half_of_the_script() -> None:
    plain = a_result(PLAIN, 40.0, dates=30, rows=1_000_000)

    (target,) = judged([plain, a_result(OURS, 20.5, dates=30, rows=1_000_000)])

    assert (target.measured, target.limit, target.met) == ("20.50 s", "20.00 s", "no")


def test_others_are_compared_over_as_many_dates_and_only_where_both_numbers_are_known() -> None:
    """Over fewer dates a start weighs more, so theirs never stand beside fewer of ours."""
    ours = [a_result(OURS, 73.0), a_result(OURS, 9.0, dates=30)]
    theirs = [a_result("sqlmesh", 90.0), a_result("sqlmesh", 6.0, dates=30)]

    targets = judged([*ours, *theirs])

    assert [(t.text.split(", ")[2].split(":")[0], t.measured, t.limit, t.met) for t in targets] == [
        ("365 dates", "0.20 s", "0.25 s", "yes"),
        ("365 dates beside 30 of theirs", "0.20 s", "0.20 s", "yes"),
        ("30 dates", "0.30 s", "0.20 s", "no"),
    ]


def test_a_target_is_not_judged_without_what_it_compares() -> None:
    assert judged([a_result(OURS, 100.0), a_result("airflow", 30.0, dates=5)]) == []


def test_the_table_shows_ratios_to_the_script_and_names_who_failed() -> None:
    results = [
        a_result(PLAIN, 10.0, dates=30),
        a_result(PLAIN, 14.0, dates=30),
        a_result("airflow", 60.0, dates=30, idle=[3.0, 4.0, 9.0]),
    ]

    text = markdown(results, {PLAIN: "script", "airflow": "Airflow"}, "now, here", ["Prefect: no\nlog"])

    assert "| Airflow | 30 of 10,000 | 60.0 | 2.00 | 5.00 | 0.03 | 100 | 4.0 (9.0) | - | 0.00 |" in text
    assert "- Failed: Prefect: no\n" in text
