"""Benchmarks: the speed of the platform, beside a bare script and the floor of the machine in one run."""
