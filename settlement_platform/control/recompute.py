"""Which changes does a regular run take up by itself, and which wait for a backfill?"""

from datetime import date, datetime, timedelta

from settlement_platform.control.service_classes import closes_at


def why_for_a_backfill(dataset: str, business_date: date, *, window: timedelta, now: datetime) -> str:
    """Why a change of what is published waits for a backfill; empty while regular runs look back as far."""
    closed = closes_at(business_date, window)
    if now < closed:
        return ""
    command = f"settlement backfill {dataset} --from {business_date} --to {business_date}"
    return f"{business_date} closed at {closed:%Y-%m-%d %H:%M} UTC, and changes after that wait for {command}"
