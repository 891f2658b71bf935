"""One source is late every Monday, the dashboard is due at six: declared, cut, reported, completed, as documented."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from settlement_platform.control.policies import ProvisionalCut, RecurringLateness, Timeliness
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.catalog import MARTS
from settlement_platform.marts.mart import Mart
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.marts.network_fee_summary import NETWORK_FEE_SUMMARY
from settlement_platform.orchestration.keys import published_key
from settlement_platform_tests.cli.command import Finished, Shell
from settlement_platform_tests.cli.inspect.test_runbooks import commands_in, fenced, works
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.http_channel import HttpChannel, http_channel
from settlement_platform_tests.orchestration.dagster_home import BOTH, NAME, DagsterHome
from settlement_platform_tests.orchestration.sensor_ticks import tick
from settlement_platform_tests.scenarios.mornings import Morning, on_the_morning_after
from settlement_platform_tests.shown_reasons import shows

DOCUMENT = (Path(__file__).parents[3] / "docs" / "late-every-monday.md").read_text(encoding="utf-8")
SUNDAY = date(2026, 11, 15)
"""The business date of the document; its files are due on Monday."""
NAMES = {
    "Dataset": dict,
    "Mart": dict,
    "ProvisionalCut": ProvisionalCut,
    "RecurringLateness": RecurringLateness,
    "Timeliness": Timeliness,
    "time": time,
    "timedelta": timedelta,
}
"""The names that the document's declarations use; of a dataset and a mart it gives only the fields that differ."""


def declared_in_the_document() -> dict[str, Any]:
    """Per name that the document declares, the fields that it gives."""
    found: dict[str, Any] = dict(NAMES)
    for block in re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL):
        exec(block, found)  # noqa: S102 - the project's own document
    return found


def messages_in_the_document() -> list[list[str]]:
    """The lines of each message that the document shows."""
    return [block.splitlines() for block in re.findall(r"```text\n(.*?)```", DOCUMENT, flags=re.DOTALL)]


def shown_by(home: DagsterHome, schema: str, mart: str) -> int:
    """How many transactions of the Sunday a plain DuckDB client sees in a mart."""
    sums = f"SELECT coalesce(sum(transactions), 0) FROM lake.{schema}.{mart} WHERE business_date = '{SUNDAY}'"
    return int(home.query(sums)[0][0])


class Monday:
    """A home with the declaration of the document, a clock, and the channels of owner and analysts."""

    def __init__(self, folder: Path, clock: time_machine.Traveller, owner: HttpChannel, analysts: HttpChannel) -> None:
        self.clock, self.owner, self.analysts = clock, owner, analysts
        self.home = DagsterHome(
            folder,
            SETTLEMENT_FIRST_DATE=str(SUNDAY),
            SETTLEMENT_ALERT_URLS=f"{CARD_SETTLEMENTS.owner}={owner.url},{analysts.url}",
        )

    def deliver(self, *sources: str) -> None:
        for source in sources:
            Delivery(business_date=SUNDAY, source=source, rows=some_rows(SUNDAY, source)).write(self.home.landing)

    def at(self, clock: str) -> list[str]:
        """Let it be this time: the sensors tick, and their requests are run, with marts."""
        self.clock.move_to(on_the_morning_after(SUNDAY, clock))
        requested = tick(self.home, f"arrivals_{NAME}").days
        if requested:
            self.home.run(SUNDAY, keys=[*BOTH, *(published_key(mart.name) for mart in MARTS)])
        tick(self.home, "alerts")
        return requested


@dataclass(frozen=True, kw_only=True)
class Declared:
    """The document's declarations, in place of the project's own."""

    dataset: Dataset
    marts: tuple[Mart, ...]


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> Declared:
    found = declared_in_the_document()
    dataset = replace(CARD_SETTLEMENTS, **found["CARD_SETTLEMENTS"])
    marts = (replace(MERCHANT_DAILY_NET, **found["MERCHANT_DAILY_NET"]), NETWORK_FEE_SUMMARY)
    monkeypatch.setattr("settlement_platform.catalog.DATASETS", (dataset,))
    monkeypatch.setattr("settlement_platform.catalog.MARTS", marts)
    return Declared(dataset=dataset, marts=marts)


@pytest.fixture
def monday(tmp_path: Path, declared: Declared) -> Iterator[Monday]:
    """Two of the three files are there on time."""
    begun = on_the_morning_after(SUNDAY, "03:30")
    with http_channel() as owner, http_channel() as analysts, time_machine.travel(begun, tick=True) as clock:
        found = Monday(tmp_path / "home", clock, owner, analysts)
        found.deliver("visa", "mastercard")
        yield found
        found.home.close()


def test_a_dashboard_at_six_shows_a_provisional_cut_and_analysts_are_notified_of_it_and_of_what_replaced_it(
    monday: Monday,
) -> None:
    """Nobody is woken; both versions are on record; who reads final figures gets none before they are."""
    home = monday.home

    waiting = [monday.at(clock) for clock in ("03:50", "05:59")]
    quiet = list(monday.analysts.titles)
    cut = monday.at("06:01")
    dashboard = shown_by(home, "published", MERCHANT_DAILY_NET.name), shown_by(home, "final", MERCHANT_DAILY_NET.name)
    whole_only = shown_by(home, "published", NETWORK_FEE_SUMMARY.name)
    watermark = home.query(f"SELECT watermark FROM lake.published.watermarks WHERE dataset = '{NAME}'")
    still = monday.at("07:00")
    monday.deliver("amex")
    completed = monday.at("07:30")

    assert (waiting, quiet) == ([[], []], [])
    assert (cut, still, completed) == ([str(SUNDAY)], [], [str(SUNDAY)])
    assert (dashboard, whole_only, watermark) == ((6, 0), 0, [])
    assert home.query(f"SELECT watermark FROM lake.published.watermarks WHERE dataset = '{NAME}'") == [(SUNDAY,)]
    assert shown_by(home, "final", MERCHANT_DAILY_NET.name) == 9
    for name, states in {NAME: 2, MERCHANT_DAILY_NET.name: 2, NETWORK_FEE_SUMMARY.name: 1}.items():
        found = home.query(
            "SELECT generation, state, round(completeness, 2), missing::VARCHAR FROM lake.published.publications "
            f"WHERE dataset = '{name}' ORDER BY generation"
        )
        whole = (states, "final", 1.0, "[]")
        assert found == ([(1, "provisional", 0.67, '["amex"]')] if states == 2 else []) + [whole]
    assert monday.analysts.posts == monday.owner.posts
    assert len(monday.analysts.posts) == 2
    for post, shown in zip(monday.analysts.posts, messages_in_the_document(), strict=True):
        text = f"{post['title']}\n{post['message']}"
        assert [line for line in shown if line not in text] == []


def test_a_file_that_is_later_than_it_is_known_to_be_is_reported_as_any_other(monday: Monday) -> None:
    """From the declared moment on, and escalated an hour after it: a declaration excuses no more than it says."""
    for clock in ("06:01", "07:44", "07:46", "08:46"):
        monday.at(clock)

    assert monday.owner.titles == [
        f"[info] provisional: {NAME} {SUNDAY}",
        f"[warning] late: {NAME} {SUNDAY}",
        f"[critical] freshness_missed: {NAME}",
        f"[critical] escalated: {NAME} {SUNDAY}",
    ]


def test_what_is_known_of_one_source_excuses_no_other(tmp_path: Path, declared: Declared) -> None:
    """At 04:30 on a Monday Amex is waited for until 07:45, and Visa is late since 03:45."""
    morning = Morning(tmp_path / "home", dataset=declared.dataset, marts=declared.marts, first_date=SUNDAY)
    morning.deliver(SUNDAY, "mastercard", "amex")
    morning.at(SUNDAY, "04:30")
    visa_is_missing = morning.view(SUNDAY).state
    morning.deliver(SUNDAY, "visa")
    for path in (morning.there.landing / str(SUNDAY) / "amex").iterdir():
        path.unlink()
    amex_is_missing = morning.view(SUNDAY).state

    assert visa_is_missing.state == "late"
    assert shows(visa_is_missing.reasons[0], "file_late", expected_by="2026-11-16 03:45 UTC")
    assert amex_is_missing.state == "waiting"
    assert shows(amex_is_missing.reasons[0], "file_due", expected_by="2026-11-16 07:45 UTC")


Paste = Callable[[str], Finished]


@pytest.fixture
def paste(
    tmp_path: Path, declared: Declared, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Paste]:
    """A command of the document, on a home after the cut."""
    morning = Morning(tmp_path / "home", dataset=declared.dataset, marts=declared.marts, first_date=SUNDAY)
    morning.deliver(SUNDAY, "visa", "mastercard")
    morning.at(SUNDAY, "06:01")
    morning.run(SUNDAY)
    morning.build(SUNDAY)
    morning.watch()
    shell = Shell(home=morning.home, exported=(("SETTLEMENT_FIRST_DATE", str(SUNDAY)),))
    with time_machine.travel(morning.now, tick=True):
        yield lambda command: shell.here(monkeypatch, capsys, *shlex.split(command)[1:])


def test_every_command_of_the_document_works_and_shows_what_is_missing(paste: Paste) -> None:
    """Operators see the missing source, the share that is there, and that there is nothing to do but to wait."""
    commands = commands_in(fenced(DOCUMENT))

    finished = {command: paste(command) for command in commands}

    assert commands == commands_in(DOCUMENT)
    assert [c for c, f in finished.items() if not works(f)] == []
    status, explained = finished[f"settlement status {NAME}"], finished[f"settlement explain {NAME} {SUNDAY}"]
    assert shows(status.out, "sources_missing", sources=["amex"], completeness=2 / 3)
    assert shows(explained.out, "no_file_yet", source="amex")
    assert all(shows(each.out, "no_step_until_files_arrive") for each in (status, explained))
    assert shows(finished["settlement alerts"].out, "provisional", missing=["amex"], completeness=2 / 3)
    (recorded,) = [f.out for c, f in finished.items() if "completeness, missing" in c]
    assert '["amex"]' in recorded
