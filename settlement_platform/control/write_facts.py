"""The fact of bytes written, of which the throttle is folded."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, kw_only=True)
class Write:
    """Bytes of Parquet written for a business date of a table, on behalf of a service class.

    A merged file is of many business dates: it counts for the day, in UTC, on which it was written.
    """

    dataset: str
    business_date: date
    service_class: str
    bytes: int
    started_at: datetime
    recorded_at: datetime
    run_id: str = ""
