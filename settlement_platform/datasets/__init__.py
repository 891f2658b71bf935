"""Datasets: the deliveries that the platform receives, one declaration each."""
