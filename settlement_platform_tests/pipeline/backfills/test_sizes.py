"""How large dates usually are is read from the ledger if it is there, and never in its way if it is not."""

import socket
from datetime import UTC, datetime
from pathlib import Path

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.definitions import load_definitions
from settlement_platform.orchestration.keys import published_key, staged_key
from settlement_platform.pipeline.backfills.plan import LATEST_DATES, recorded_date_bytes
from settlement_platform.settings import load_settings
from settlement_platform.storage.ledger.open import open_ledger
from settlement_platform_tests.builders import DATASET, NOW, an_arrival, day

FROM = datetime(2027, 12, 31, tzinfo=UTC)


def test_the_latest_dates_count_whatever_came_before(tmp_path: Path) -> None:
    """Three sources of each; dates that are still to come are none of them."""
    ledger = open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite", now=NOW)
    for number in range(-5, LATEST_DATES):
        size = 10**9 if number < 0 else 1000
        ledger.append(
            *(an_arrival(business_date=day(number), source=s, bytes=size) for s in ("visa", "mastercard", "amex"))
        )

    found = recorded_date_bytes(f"sqlite:///{tmp_path}/ledger.sqlite", [CARD_SETTLEMENTS], FROM)
    before = recorded_date_bytes(
        f"sqlite:///{tmp_path}/ledger.sqlite", [CARD_SETTLEMENTS], datetime(2026, 11, 18, tzinfo=UTC)
    )

    assert found == {DATASET: 3000}
    assert before == {DATASET: 3 * 10**9}


def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = recorded_date_bytes(f"sqlite:///{tmp_path}/none/ledger.sqlite", [CARD_SETTLEMENTS], FROM)

    assert found == {}
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_that_cannot_be_read_is_no_error(tmp_path: Path) -> None:
    """Nor is a server that does not answer."""
    (tmp_path / "ledger.sqlite").write_text("no database at all")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    broken = recorded_date_bytes(f"sqlite:///{tmp_path}/ledger.sqlite", [CARD_SETTLEMENTS], FROM)
    silent = recorded_date_bytes(f"postgresql://nobody@127.0.0.1:{port}/none", [CARD_SETTLEMENTS], FROM)

    assert (broken, silent) == ({}, {})


def test_an_empty_ledger_knows_no_size(postgres_url: str) -> None:
    open_ledger(postgres_url, now=NOW)

    assert recorded_date_bytes(postgres_url, [CARD_SETTLEMENTS], FROM) == {DATASET: None}


def test_the_code_location_sizes_its_runs_by_what_is_on_record(tmp_path: Path) -> None:
    """A quarter of a year where nothing is known; a month of dates of hundred megabytes, and marts twice as many."""
    settings = load_settings({"SETTLEMENT_HOME": str(tmp_path)})
    unknown = load_definitions(settings).resolve_asset_graph().get(published_key(DATASET))
    open_ledger(f"sqlite:///{tmp_path}/ledger.sqlite", now=NOW).append(an_arrival(bytes=100_000_000))

    graph = load_definitions(settings).resolve_asset_graph()

    policies = [
        graph.get(key).backfill_policy
        for key in (staged_key(DATASET), published_key(DATASET), published_key("merchant_daily_net"))
    ]
    sizes = [p.max_partitions_per_run for p in policies if p]
    assert unknown.backfill_policy is not None
    assert unknown.backfill_policy.max_partitions_per_run == 92
    assert sizes == [39, 39, 78]
    assert graph.get(published_key(DATASET)).metadata["dates_per_run"] == 39
