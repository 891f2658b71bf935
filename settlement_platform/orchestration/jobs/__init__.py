"""Jobs and schedules: the daily run, operators, tidying, runs in this process."""
