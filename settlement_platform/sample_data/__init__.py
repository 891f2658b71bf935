"""Sample deliveries: realistic landing files for demonstrations, tests and benchmarks."""
