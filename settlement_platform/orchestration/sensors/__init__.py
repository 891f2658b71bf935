"""Sensors: arrivals, marts that follow their inputs, alerts and queue ageing."""
