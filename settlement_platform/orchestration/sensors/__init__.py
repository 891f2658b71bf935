"""Sensors: arrivals, marts that follow, alerts, queue ageing."""
