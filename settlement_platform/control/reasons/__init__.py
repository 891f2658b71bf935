"""Reasons of decisions, findings, refusals and alerts: each has a stable code, parameters and one English sentence."""
