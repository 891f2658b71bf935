"""A dataset with decimals and local times, from one bank, and its deliveries."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from settlement_platform.control.facts import Check
from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.control.policies import Timeliness
from settlement_platform.datasets.contract import DerivedColumn
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform_tests.deliveries import CsvForm, Delivery, Row
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.operating import run

BANK = "bank"


class Payment(pa.DataFrameModel):
    """One payment in major units."""

    id: str
    merchant_id: str = pa.Field()
    currency: str
    amount: dt.Decimal(18, 2)
    created: str = pa.Field()
    zone: str
    business_date: date


PAID_AT = DerivedColumn(name="paid_at", sql_type="TIMESTAMPTZ", sql="created::TIMESTAMP AT TIME ZONE zone")


def a_dataset(name: str, schema: type[pa.DataFrameModel] = Payment, **changes: Any) -> Dataset:  # noqa: ANN401
    """A dataset from one bank; a name of its own for each set of columns."""
    usual = {
        "name": name,
        "description": "Payments.",
        "owner": "nobody@example.com",
        "criticality": "normal",
        "schema": schema,
        "sources": (SourcePattern(source=BANK, stem="{business_date}/{source}/cards"),),
        "key": ("id",),
        "timeliness": Timeliness(expected_by=time(3), target=time(6), deadline=time(9)),
    }
    return Dataset(**usual | changes)


def a_payment(day: date, number: int = 1, /, **values: str) -> dict[str, str]:
    """One valid payment."""
    usual = {
        "id": f"p-{day:%Y%m%d}-{number}",
        "merchant_id": f"m-{number % 2}",
        "currency": "EUR",
        "amount": "1.25",
        "created": f"{day} 10:00:00",
        "zone": "Europe/Amsterdam",
        "business_date": str(day),
    }
    return usual | values


@dataclass(frozen=True, kw_only=True)
class Bank:
    """An installation that receives the files of one dataset."""

    installation: Installation
    dataset: Dataset

    def settle(
        self, day: date, rows: Sequence[Row], totals: Mapping[str, Any] | None = None, text: bytes | None = None
    ) -> DateOutcome:
        """Deliver the rows, or a text in their place, and take the date through the pipeline."""
        platform = self.installation.platform
        platform.lake.ensure_schema({self.dataset.name: self.dataset.published_columns}, now=datetime.now(UTC))
        columns = tuple(c.name for c in self.dataset.contract.columns)
        data = CsvForm(columns=columns).render(rows) if text is None else text
        Delivery(business_date=day, source=BANK, data=data, control=_control(day, data, len(rows), totals or {})).write(
            self.installation.landing
        )
        return run(platform, day, self.dataset)

    def published(self, day: date, *columns: str) -> list[tuple[Any, ...]]:
        """The published values of a date, in the order of the file."""
        query = (
            f"SELECT {', '.join(columns)} FROM lake.published.{self.dataset.name} "
            "WHERE business_date = ? ORDER BY source_row_number"
        )
        with self.installation.platform.lake.cursor() as cursor:
            return cursor.execute(query, [day]).fetchall()


def _control(day: date, data: bytes, rows: int, totals: Mapping[str, Any]) -> bytes:
    """The control file; decimal totals keep their digits, which Python's own writer of JSON would not."""
    document = {"business_date": str(day), "source": BANK, "sha256": hashlib.sha256(data).hexdigest()}
    text = json.dumps(document | {"rows": rows, "totals": totals}, default=lambda number: f"@{number}@")
    return text.replace('"@', "").replace('@"', "").encode()


def failures(outcome: DateOutcome) -> dict[str, Check]:
    """The checks that refused a date."""
    assert outcome.verdict is not None
    return {c.name: c for c in outcome.verdict.failures}


def texts_of(outcome: DateOutcome) -> Iterable[str]:
    """Every text of a verdict, samples included."""
    assert outcome.verdict is not None
    for check in outcome.verdict.checks:
        yield check.message
        yield from (sample.value or "" for sample in check.samples)
