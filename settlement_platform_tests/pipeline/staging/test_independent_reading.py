"""Published values equal an independent reading in Python, or the file is refused with its lines."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from settlement_platform.control.facts import AttemptOutcome
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.contract import DerivedColumn
from settlement_platform.datasets.dataset import Dataset
from settlement_platform_tests.pipeline.installation import Installation
from settlement_platform_tests.pipeline.payments import Bank, a_dataset, failures

ZONES = ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "Pacific/Apia"]
UNKNOWN = ["PDT", "n/a", "Mars/Olympus"]
NUMBER = count()


class Unreadable(Exception):
    """A text that the declaration does not accept."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """A declared column: its type in pandera, texts for it, and the independent reading of a text."""

    kind: Any
    texts: st.SearchStrategy[str]
    read: Callable[[str], Any]
    marks: dict[str, Any]


def _read_decimal(text: str, digits: int, scale: int, *, zeros: bool, bare: bool) -> Decimal:
    match = re.fullmatch(r"-?([0-9]*)(?:(\.)([0-9]*))?", text, re.ASCII)
    if not match or not (match[1] or match[3]) or (not bare and (not match[1] or match[3] == "")):
        raise Unreadable
    decimals = match[3] or ""
    if decimals[scale:].strip("0") or (len(decimals) > scale and not zeros):
        raise Unreadable
    whole = Decimal(text.rstrip(".") if text[-1:] == "." else text)
    if abs(whole) >= 10 ** (digits - scale):
        raise Unreadable
    return whole


def _read_integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]+", text, re.ASCII) or not -(2**63) <= int(text) < 2**63:
        raise Unreadable
    return int(text)


def _read_moment(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})", text):
        raise Unreadable
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise Unreadable from None


def _read_date(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
        raise Unreadable
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Unreadable from None


DAYS = st.dates(date(1990, 1, 1), date(2035, 12, 31))
DIGITS = st.text("0123456789", min_size=0, max_size=9)


@st.composite
def decimals(draw: st.DrawFn) -> Field:
    """A decimal column with its digits and what it accepts."""
    scale = draw(st.integers(0, 6))
    digits = draw(st.integers(max(1, scale), 18))
    zeros, bare = draw(st.booleans()), draw(st.booleans())
    exact = st.builds(
        lambda sign, whole, after: f"{sign}{whole or '0'}" + (f".{after}" if after else ""),
        st.sampled_from(["", "-"]),
        st.text("0123456789", max_size=max(1, digits - scale)),
        st.text("0123456789", max_size=scale),
    )
    loose = st.builds(
        lambda sign, whole, point, after: f"{sign}{whole}{point}{after}",
        st.sampled_from(["", "-", "+"]),
        DIGITS,
        st.sampled_from(["", "."]),
        DIGITS,
    )
    return Field(
        kind=dt.Decimal(digits, scale),
        texts=st.one_of(*[exact] * 6, loose, exact.map(lambda text: f"{text}0"), st.sampled_from(["x", "1e2", "NaN"])),
        read=lambda text: _read_decimal(text, digits, scale, zeros=zeros, bare=bare),
        marks={"extra_zeros": zeros, "bare_point": bare},
    )


INTEGERS = Field(
    kind=int,
    texts=st.one_of(
        *[st.integers(-(2**63), 2**63 - 1).map(str)] * 6,
        st.integers(-(2**65), 2**65).map(str),
        st.sampled_from(["1.0", " 1", "00012", "-0", "one"]),
    ),
    read=_read_integer,
    marks={},
)
MOMENTS = Field(
    kind=dt.Timestamp(timezone="UTC"),
    texts=st.one_of(
        *[
            st.builds(
                lambda moment, offset: f"{moment:%Y-%m-%dT%H:%M:%S}{offset}",
                st.datetimes(datetime(1990, 1, 1), datetime(2035, 12, 31)),  # noqa: DTZ001 - a local time
                st.sampled_from(["Z", "+05:30", "-11:00", "+00:00"]),
            )
        ]
        * 6,
        st.sampled_from(["2026-02-30T10:00:00Z", "2026-01-01 10:00:00Z", "2026-01-01T25:00:00Z", "now"]),
    ),
    read=_read_moment,
    marks={},
)
DATES = Field(
    kind=date,
    texts=st.one_of(*[DAYS.map(str)] * 6, st.sampled_from(["2026-02-30", "20260101", "today"])),
    read=_read_date,
    marks={},
)
FIELDS = st.one_of(decimals(), decimals(), st.sampled_from([INTEGERS, MOMENTS, DATES]))
FALL_BACKS = [datetime(2026, 10, 25, 2, 30), datetime(2026, 11, 1, 1, 30), datetime(2026, 4, 5, 1, 45)]  # noqa: DTZ001
GAPS = [datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 8, 2, 30), datetime(2011, 12, 30, 5)]  # noqa: DTZ001 - local
LOCAL = st.one_of(
    *[st.datetimes(datetime(1990, 1, 1), datetime(2035, 12, 31))] * 6,  # noqa: DTZ001 - a local time
    st.sampled_from(FALL_BACKS),
    st.sampled_from(GAPS),
)


def moment_of(local: datetime, zone: str, repeated: str) -> datetime:
    """The moment of a local time by zoneinfo, whatever DuckDB thinks."""
    if zone not in ZONES:
        raise Unreadable
    folds = [local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    fitting = sorted({m for m in folds if m.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local})
    if not fitting or (len(fitting) > 1 and not repeated):
        raise Unreadable
    return fitting[0] if repeated != "later" else fitting[-1]


@dataclass(frozen=True, kw_only=True)
class Example:
    """A random declaration, the rows delivered for it, and what an independent reading makes of each."""

    fields: dict[str, Field]
    repeated: str
    totals: bool
    rows: list[dict[str, str]]

    def dataset(self, name: str) -> Dataset:
        """The declaration."""
        columns: dict[str, Any] = {"id": str, "created": str, "zone": str, "currency": str, "business_date": date}
        columns |= {n: f.kind for n, f in self.fields.items()}
        marks = {n: pa.Field(metadata=f.marks) for n, f in self.fields.items()}
        marks["created"] = pa.Field(metadata={"any_text": True})
        schema = type("Random", (pa.DataFrameModel,), {"__annotations__": columns, **marks})
        paid = DerivedColumn(
            name="paid_at",
            sql_type="TIMESTAMPTZ",
            sql="created::TIMESTAMP AT TIME ZONE zone",
            repeated_time=self.repeated,
        )
        return a_dataset(name, schema, derived=(paid,), control_totals=self.summed if self.totals else ())

    @property
    def summed(self) -> tuple[str, ...]:
        """The columns of numbers."""
        return tuple(n for n, f in self.fields.items() if f.kind is int or isinstance(f.kind, dt.Decimal))

    def reading(self) -> tuple[list[tuple[Any, ...]], set[int]]:
        """The rows as Python reads them, and the lines that it cannot read."""
        rows, refused = [], set()
        for line, row in enumerate(self.rows, start=2):
            try:
                values = [f.read(row[n]) for n, f in self.fields.items()]
                local = datetime.fromisoformat(row["created"])
                rows.append((*values, moment_of(local, row["zone"], self.repeated)))
            except Unreadable:
                refused.add(line)
        return rows, refused

    def totals_of(self, rows: list[tuple[Any, ...]]) -> dict[str, dict[str, Any]]:
        """The exact sums, for the control file."""
        names = list(self.fields)
        sums = {n: sum((row[names.index(n)] for row in rows), 0) for n in self.summed}
        return {"EUR": sums} if rows else {}


@st.composite
def examples(draw: st.DrawFn) -> Example:
    """A declaration and its rows; most rows are good."""
    fields = {f"c{n}": field for n, field in enumerate(draw(st.lists(FIELDS, min_size=1, max_size=4)))}
    rows = [
        {
            "id": f"k{n}",
            "currency": "EUR",
            "created": str(draw(LOCAL)),
            "zone": draw(st.sampled_from([*ZONES * 3, *UNKNOWN])),
            **{name: draw(field.texts) for name, field in fields.items()},
        }
        for n in range(draw(st.integers(0, 6)))
    ]
    repeated, totals = draw(st.sampled_from(["", "earlier", "later"])), draw(st.booleans())
    return Example(fields=fields, repeated=repeated, totals=totals, rows=rows)


def check(installation: Installation, example: Example) -> None:
    """Deliver it, and compare what becomes of it with the independent reading."""
    number = next(NUMBER)
    day = date(2030, 1, 1) + timedelta(days=number)
    bank = Bank(installation=installation, dataset=example.dataset(f"random_{number}"))
    rows, refused = example.reading()

    outcome = bank.settle(day, [{**row, "business_date": str(day)} for row in example.rows], example.totals_of(rows))

    if refused:
        assert outcome.decision.action is Action.REFUSE
        found = failures(outcome)["values_readable"].samples
        assert {s.line for s in found} <= refused
        assert found
    else:
        assert outcome.decision.action is Action.PUBLISH, outcome.decision.reasons
        assert bank.published(day, *example.fields, "paid_at") == rows
    attempts = installation.platform.ledger.attempts(bank.dataset.name, day, day)
    assert not [a for a in attempts if a.outcome is AttemptOutcome.FAILED or a.dependency]


@settings(max_examples=15, derandomize=True, suppress_health_check=list(HealthCheck))
@given(example=examples())
def test_random_deliveries_are_published_as_python_reads_them_or_refused(
    installation: Installation, example: Example
) -> None:
    """Random types, decimals and zones: nothing is rounded or guessed, and no store is blamed."""
    check(installation, example)


@pytest.mark.slow
@settings(suppress_health_check=list(HealthCheck))
@given(example=examples())
def test_many_random_deliveries_are_published_as_python_reads_them_or_refused(
    installation: Installation, example: Example
) -> None:
    """As many as the profile of Hypothesis says; `--hypothesis-profile=soak` tries two thousand."""
    check(installation, example)
    _another_dataset_publishes(installation)


def _another_dataset_publishes(installation: Installation) -> None:
    day = date(2100, 1, 1) + timedelta(days=10 * next(NUMBER))
    installation.deliver(day)

    assert installation.run(day).decision.action is Action.PUBLISH
