"""Whatever is published, restated, rolled back and tidied in whatever order, the past reads as it was shown."""

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from settlement_platform.control.failures import ActionRefused
from settlement_platform.control.maintenance.retention import RetentionPolicy
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.operators.rollback import roll_back
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import ANA, at, history
from settlement_platform_tests.pipeline.tidying import (
    Read,
    amounts,
    as_of_every_snapshot,
    days,
    effective,
    later,
    local_stores,
    missing,
    opened,
    plan_tidying,
    publish,
    restate,
    snapshots,
    tidy,
)

DAYS = days(3)
PUBLISH, RESTATE, ROLL_BACK, TIDY, FORGET = "publish", "restate", "roll back", "tidy", "forget"
Deed = tuple[str, int, int]

DEEDS = st.lists(
    st.tuples(
        st.sampled_from([PUBLISH, RESTATE, RESTATE, ROLL_BACK, TIDY, TIDY, FORGET]),
        st.integers(0, len(DAYS) - 1),
        st.integers(1, 25),
    ),
    min_size=4,
    max_size=8,
)
# A file of twelve rows has some 2,900 bytes, and one of forty more than 3,000: a merge makes several files.
SMALL = RetentionPolicy(snapshots=timedelta(days=30), small_bytes=3_000, merged_bytes=9_000, fewest_files=2)


def _roll_back(installation: Installation, day: int, generation: int) -> None:
    known = [p.generation for p in history(installation, DAYS[day])]
    try:
        roll_back(installation.platform, CARD_SETTLEMENTS, DAYS[day], min(generation, len(known)), ANA)
    except ActionRefused:
        # The generation is current already, or is beyond the retention: that is an answer.
        return


def _tidy(installation: Installation, _: int, number: int) -> None:
    """Plan, do, and let the grace pass."""
    policy = SMALL if number % 2 else RetentionPolicy(snapshots=timedelta(days=30), fewest_files=2)
    planned = plan_tidying(installation.platform, policy=policy)
    done = tidy(installation.platform, ANA, policy=policy).done
    assert amounts(done) == amounts(planned)
    assert not [s for s in effective(tidy(installation.platform, ANA, policy=policy).done) if s.step != "merge"]
    tidy(later(installation, days=2), ANA, policy=policy)


def _forget(installation: Installation, _: int, number: int) -> None:
    """Let the retention begin with a snapshot of the recent past, and its files go."""
    begins = snapshots(installation)[-min(number, len(snapshots(installation)))]
    later_on = at(installation, begins.committed_at + SMALL.snapshots + timedelta(microseconds=1))
    tidy(later_on, ANA, policy=SMALL)
    assert snapshots(installation)[0].number == begins.number
    tidy(later(installation, days=2), ANA, policy=SMALL)


ACTS: dict[str, Callable[[Installation, int, int], None]] = {
    PUBLISH: lambda i, day, rows: publish(i, DAYS[day], rows=rows),
    RESTATE: lambda i, day, rows: restate(i, DAYS[day], rows),
    ROLL_BACK: _roll_back,
    TIDY: _tidy,
    FORGET: _forget,
}


@pytest.mark.slow
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate])
@given(DEEDS)
def test_every_kept_snapshot_shows_for_ever_what_it_showed_first(deeds: list[Deed]) -> None:
    """Every table, every value; and no file that a reader needs is ever gone."""
    with tempfile.TemporaryDirectory() as folder:
        installation = opened(local_stores(Path(folder)))
        publish(installation, *DAYS)
        shown: Read = as_of_every_snapshot(installation)

        for name, day, number in (*deeds, (TIDY, 0, 1)):
            ACTS[name](installation, day, number)
            seen = 1 if name in {TIDY, FORGET} else max(number for number, _ in shown) + 1
            now, oldest = as_of_every_snapshot(installation, seen), snapshots(installation)[0].number
            shown = {**now, **shown}

            kept = {key: value for key, value in shown.items() if key[0] >= max(seen, oldest)}
            assert {key: now[key] for key in kept} == kept
            assert missing(installation) == {}
