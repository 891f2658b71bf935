"""Opening the stores of an installation, to work on them and to read them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from settlement_platform.control.failures import PermanentFailure, TransientFailure
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.open_platform import Stores, open_platform, open_to_read
from settlement_platform.pipeline.platform import Platform
from settlement_platform.storage.engines.duckdb_engine import connect_engine
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, stores_in


def now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def reading(stores: Stores) -> Platform:
    """The stores as a reading command opens them."""
    return open_to_read(stores, connect_engine(), clock=now)


def test_homes_that_share_a_ledger_exclude_each_other(tmp_path: Path) -> None:
    """One try per business date is enforced beside the facts, wherever the temporary files are."""
    first = stores_in(tmp_path / "first")
    shared = {"ledger_url": first.ledger_url, "catalog_url": first.catalog_url, "lake_url": first.lake_url}
    second = replace(stores_in(tmp_path / "second"), **shared)
    one, other = (open_platform(stores, connect_engine(), clock=now) for stores in (first, second))

    with (
        one.locks.hold(f"{NAME}-{FIRST_DATE}", timeout_seconds=0.0),
        pytest.raises(TransientFailure, match=NAME),
        other.locks.hold(f"{NAME}-{FIRST_DATE}", timeout_seconds=0.1),
    ):
        pytest.fail("two homes worked on the same date")


def test_stores_that_were_never_made_are_read_as_empty_ones(tmp_path: Path) -> None:
    """And stay unmade."""
    platform = reading(stores_in(tmp_path / "home"))

    assert platform.lake.current_publications(NAME) == {}
    assert platform.lake.watermark(NAME) == (None, None)
    assert platform.ledger.latest_verdict(NAME) is None
    assert platform.landing.list_date(FIRST_DATE) == []
    assert len(platform.landing.list_dates(CARD_SETTLEMENTS.sources, FIRST_DATE, FIRST_DATE)) == 0
    assert len(platform.landing.list_each(CARD_SETTLEMENTS.sources, [FIRST_DATE])) == 0
    assert list(tmp_path.iterdir()) == []


def test_empty_databases_of_a_server_are_read_as_empty_stores(tmp_path: Path, postgres_url: str) -> None:
    """Before the first run there is a server, and nothing in it."""
    stores = replace(stores_in(tmp_path / "home"), ledger_url=postgres_url, catalog_url=postgres_url)

    platform = reading(stores)

    assert platform.lake.current_publications(NAME) == {}
    assert platform.ledger.latest_verdict(NAME) is None
    engine = sa.create_engine(sa.make_url(postgres_url).set(drivername="postgresql+psycopg2"))
    assert sa.inspect(engine).get_table_names() == []
    engine.dispose()
    platform.ledger.engine.dispose()


@pytest.mark.parametrize("store", ["lake", "ledger"])
def test_an_older_store_is_not_brought_forward_by_reading(tmp_path: Path, store: str) -> None:
    """The failure names a command that does."""
    stores = stores_in(tmp_path)
    platform = open_platform(stores, connect_engine(), clock=now)
    if store == "lake":
        with platform.lake.publishing() as transaction:
            transaction.cursor.execute("DELETE FROM lake.platform.schema_versions WHERE version > 1")
    else:
        with platform.ledger.engine.begin() as connection:
            connection.execute(sa.text("DELETE FROM schema_versions WHERE version > 1"))

    with pytest.raises(PermanentFailure, match=f"The {store} has schema version 1.* settlement materialize"):
        reading(stores)
