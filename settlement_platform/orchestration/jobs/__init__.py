"""Jobs and schedules: the daily run, operator actions, tidying, and runs in this process."""
