"""The simulated day of the queue goes through the coordinator and the queue daemon, and loses no run."""

from pathlib import Path

from benchmarks.queue_day import COMMON, INTERVAL_SECONDS, SLOTS, simulate


def test_a_day_of_the_queue_begins_every_run_and_times_every_scan(tmp_path: Path) -> None:
    """Its first two hours, with the first wave of backfills; more of them arrive than may work at once."""
    day = simulate(tmp_path, runs=400, datasets=60, seconds=7200)

    backfill, fresh = day.classes["backfill"], day.classes["fresh"]
    begun = sum(c.runs - c.left for c in day.classes.values())
    assert sum(c.runs for c in day.classes.values()) == day.runs == 400
    assert backfill.runs - backfill.left == 48 > COMMON
    assert 0 < backfill.deepest < backfill.runs
    assert backfill.highest > fresh.highest <= INTERVAL_SECONDS
    assert begun < day.runs
    assert 0 < max(d.queued for d in day.decisions) <= 48 + SLOTS
    assert all(d.cpu > 0 for d in day.decisions)
