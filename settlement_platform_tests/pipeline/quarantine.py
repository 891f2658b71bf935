"""Running a date that has to be refused, and what its verdict must say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import Check
from settlement_platform.control.publishing.gate import Action
from settlement_platform_tests.deliveries import Delivery, Row, a_row
from settlement_platform_tests.pipeline.installation import Installation


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The expected verdict: the failing check, words of its message, and the place."""

    check: str
    words: Sequence[str] = ()
    line: int | None = None
    column: str | None = None


def refused(installation: Installation, day: date) -> dict[str, Check]:
    """Run the date; the checks that refused it, after making sure that nothing of it can be seen."""
    concluded = installation.run(day)

    assert concluded.decision.action is Action.REFUSE, concluded.decision
    assert concluded.verdict is not None
    assert concluded.publication is None
    assert installation.rows(day) == []
    assert installation.platform.lake.history("card_settlements", day) == []
    failures = {c.name: c for c in concluded.verdict.failures}
    assert all(f"{c.name}: {c.message}" in concluded.decision.reasons for c in failures.values())
    return failures


def assert_quarantined(installation: Installation, delivery: Delivery, fault: Fault) -> None:
    """Deliver it beside valid files of the other sources; the date must be refused for exactly this fault."""
    installation.deliver(delivery.business_date, visa=delivery)

    failures = refused(installation, delivery.business_date)

    assert list(failures) == [fault.check], {n: c.message for n, c in failures.items()}
    check = failures[fault.check]
    for word in (delivery.data_key.removesuffix(".csv").removesuffix(".csv.gz"), *fault.words):
        assert word in check.message
    if fault.line is not None:
        assert [s.line for s in check.samples][:1] == [fault.line]
    if fault.column is not None:
        assert fault.column in {s.column for s in check.samples} or fault.column in check.message


def second_of_three(day: date, **values: str) -> list[Row]:
    """Three rows, the second of which, on line 3, has these values."""
    return [a_row(day, "visa", 1), a_row(day, "visa", 2, **values), a_row(day, "visa", 3)]
