"""Merging writes no faster than maintenance may write to a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from settlement_platform.catalog import Catalog
from settlement_platform.control.maintenance.retention import RetentionPolicy
from settlement_platform.control.queue.write_budget import WriteLimits
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform_tests.builders import a_write
from settlement_platform_tests.pipeline.installation import NAME, Installation
from settlement_platform_tests.pipeline.operating import ANA
from settlement_platform_tests.pipeline.sleeping_clock import Time
from settlement_platform_tests.pipeline.tidying import (
    EAGER,
    amounts,
    days,
    files_of,
    local_stores,
    opened,
    publish,
    tidy,
)

LIMIT = 1_000
"""Bytes a second, of which a merged file of these tests takes many seconds."""
IN_PAIRS = RetentionPolicy(fewest_files=2, small_bytes=20_000, merged_bytes=40_000)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """An installation of a few dates, whose dataset declares a low limit for maintenance."""
    slow = replace(CARD_SETTLEMENTS, write_limits=WriteLimits(maintenance=LIMIT))
    found = opened(replace(local_stores(tmp_path), catalog=Catalog(datasets=(slow,), marts=MARTS)))
    publish(found, *days(3))
    return found


def test_what_a_merge_writes_is_on_record_as_maintenance(installation: Installation) -> None:
    """Table by table, with the bytes of the files that are made."""
    before, began = files_of(installation), datetime.now(UTC)

    tidied = tidy(installation.platform, ANA, policy=EAGER)

    writes = [w for w in installation.platform.ledger.writes(after=began) if w.service_class == "maintenance"]
    merged = {f"published.{w.dataset}" for w in writes}
    made = files_of(installation) - before
    assert {table for step, table in amounts(tidied.done) if step == "merge"} >= merged >= {f"published.{NAME}"}
    assert sum(w.bytes for w in writes) == sum(Path(file).stat().st_size for file in made)
    assert {w.run_id for w in writes} == {ANA.run_id}


def test_a_merge_waits_until_maintenance_of_its_table_is_paid_for(installation: Installation) -> None:
    """Other classes and other tables have allowances of their own."""
    time = Time(datetime.now(UTC))
    platform = time.govern(installation.platform)
    owed = {"bytes": 30 * LIMIT, "started_at": time.now, "recorded_at": time.now}
    others = [a_write(service_class="backfill", **owed), a_write(dataset="another", **owed)]
    platform.ledger.append(*others)

    tidy(platform, ANA, policy=replace(EAGER, small_bytes=1, merged_bytes=2))
    for_nothing = list(time.naps)
    platform.ledger.append(a_write(service_class="maintenance", **owed))
    tidy(platform, ANA, policy=EAGER)

    assert for_nothing == []
    assert sum(time.naps) == pytest.approx(30, abs=0.1)
    assert amounts(tidy(platform, ANA, policy=EAGER).done) == {}


def test_the_next_file_of_a_table_is_made_when_the_one_before_is_paid_for(installation: Installation) -> None:
    time = Time(datetime.now(UTC))
    publish(installation, *days(6)[3:])

    tidied = tidy(time.govern(installation.platform), ANA, policy=IN_PAIRS)

    made = next(step.made for step in tidied.done if step.table == f"published.{NAME}" and step.step == "merge")
    writes = installation.platform.ledger.writes(after=time.now - timedelta(hours=1), table=NAME)
    first = min((w for w in writes if w.service_class == "maintenance"), key=lambda w: w.started_at)
    assert made > 1
    assert sum(time.naps) >= first.bytes / LIMIT
