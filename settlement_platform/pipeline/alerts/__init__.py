"""Alerts: evaluate conditions, record episodes, notify owners."""
