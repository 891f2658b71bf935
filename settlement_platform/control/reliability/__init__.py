"""Failures over time: attempts, circuit breakers and retry backoff."""
