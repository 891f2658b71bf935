"""Sample data: realistic deliveries for demonstrations, tests and benchmarks."""
