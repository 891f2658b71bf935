"""The rows that must be published of a delivery: an independent reading by Python's csv, int and datetime alone."""

import csv
import gzip
import io
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from settlement_platform_tests.deliveries import COLUMNS, Delivery

PUBLISHED_COLUMNS = (*COLUMNS, "net_minor", "source", "source_row_number")


def expected_rows(deliveries: Iterable[Delivery]) -> list[tuple[Any, ...]]:
    """The rows that readers must see of these deliveries, ordered by source and record."""
    return sorted((row for d in deliveries for row in _rows_of(d)), key=_place)


def _rows_of(delivery: Delivery) -> list[tuple[Any, ...]]:
    data = gzip.decompress(delivery.data_bytes) if delivery.gzipped else delivery.data_bytes
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    return [_typed(row, delivery.source, number) for number, row in enumerate(reader, start=1)]


def _typed(row: Mapping[str, str], source: str, number: int) -> tuple[Any, ...]:
    amount, fee = int(row["amount_minor"]), int(row["fee_minor"])
    typed = dict(row) | {
        "amount_minor": amount,
        "fee_minor": fee,
        "authorized_at": datetime.fromisoformat(row["authorized_at"]).astimezone(UTC),
        "settled_at": datetime.fromisoformat(row["settled_at"]).astimezone(UTC),
        "business_date": date.fromisoformat(row["business_date"]),
        "net_minor": amount - fee,
        "source": source,
        "source_row_number": number,
    }
    return tuple(typed[c] for c in PUBLISHED_COLUMNS)


def _place(row: tuple[Any, ...]) -> tuple[str, int]:
    return row[-2], row[-1]
