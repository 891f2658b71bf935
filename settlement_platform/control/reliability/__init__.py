"""Reliability: attempts, circuit breakers and retry backoff."""
