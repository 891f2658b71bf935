"""Backfills: select dates, plan runs, and measure progress."""
