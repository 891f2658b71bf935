"""A derived column that cannot be computed on a value is a finding of that file, and nothing else is affected."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import ibis
import pandera.ibis as pa
import pytest

from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.contract import DerivedColumn
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.staging.derived_columns import find_failing_rows
from settlement_platform_tests.deliveries import CsvForm
from settlement_platform_tests.pipeline.installation import Installation, an_installation
from settlement_platform_tests.pipeline.operating import a_visa
from settlement_platform_tests.pipeline.payments import (
    PAID_AT,
    Bank,
    Payment,
    a_dataset,
    a_payment,
    failures,
    texts_of,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows

LOCAL = a_dataset("local_payments", derived=(PAID_AT,))
CARD = "4111111111111111x"


def test_a_local_time_becomes_the_moment_in_its_zone(installation: Installation) -> None:
    day = installation.fresh_date()
    bank = Bank(installation=installation, dataset=LOCAL)
    rows = [
        a_payment(day, 1, created="2026-07-01 10:00:00"),
        a_payment(day, 2, created="2026-07-01 10:00:00.5", zone="Asia/Kolkata"),
        a_payment(day, 3, created="2026-10-25 03:00:00"),
        a_payment(day, 4, created="2026-03-29 01:59:59"),
    ]

    outcome = bank.settle(day, rows)

    assert outcome.decision.action is Action.PUBLISH
    assert bank.published(day, "paid_at") == [
        (datetime(2026, 7, 1, 8, tzinfo=UTC),),
        (datetime(2026, 7, 1, 4, 30, 0, 500_000, tzinfo=UTC),),
        (datetime(2026, 10, 25, 2, tzinfo=UTC),),
        (datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),),
    ]


@pytest.mark.parametrize(
    ("created", "zone", "problem"),
    [
        ("2026-07-01 10:00:00", "PDT", "an unknown time zone"),
        ("n/a", "Europe/Amsterdam", "it cannot be computed"),
        ("infinity", "Europe/Amsterdam", ""),
        ("2026-03-29 02:30:00", "Europe/Amsterdam", "a local time that does not exist"),
        ("2026-10-25 02:30:00", "Europe/Amsterdam", "a local time that exists twice"),
        ("2026-04-05 01:45:00", "Australia/Lord_Howe", "a local time that exists twice"),
        ("2011-12-30 12:00:00", "Pacific/Apia", "a local time that does not exist"),
    ],
)
def test_a_value_that_cannot_be_computed_is_a_finding_with_its_line(
    installation: Installation, created: str, zone: str, problem: str
) -> None:
    """The finding shows what was delivered."""
    day = installation.fresh_date()
    rows = [a_payment(day, 1), a_payment(day, 2, created=created, zone=zone), a_payment(day, 3)]

    outcome = Bank(installation=installation, dataset=LOCAL).settle(day, rows)

    assert list(failures(outcome)) == ["values_readable"]
    check = failures(outcome)["values_readable"]
    assert [(s.line, s.record, s.column) for s in check.samples] == [(3, 2, "paid_at")]
    assert f"paid_at: cannot be computed from created, zone in 1 row; first: line 3, {problem}" in check.message
    assert created in (check.samples[0].value or "")


def test_a_card_number_that_cannot_be_computed_is_shown_nowhere(installation: Installation) -> None:
    day = installation.fresh_date()

    outcome = Bank(installation=installation, dataset=LOCAL).settle(day, [a_payment(day, created=CARD)])

    assert list(failures(outcome)) == ["no_card_numbers"]
    assert not any("4111" in text for text in texts_of(outcome))


@pytest.mark.parametrize(("repeated", "hour"), [("earlier", 0), ("later", 1)])
def test_a_time_that_exists_twice_is_the_moment_that_the_declaration_names(
    installation: Installation, repeated: str, hour: int
) -> None:
    day = installation.fresh_date()
    column = replace(PAID_AT, repeated_time=repeated)
    bank = Bank(installation=installation, dataset=a_dataset(f"{repeated}_payments", derived=(column,)))

    bank.settle(day, [a_payment(day, created="2026-10-25 02:30:00")])

    assert bank.published(day, "paid_at") == [(datetime(2026, 10, 25, hour, 30, tzinfo=UTC),)]


def test_only_the_first_failing_rows_are_looked_for(installation: Installation) -> None:
    """A file of bad values costs no more than a few of them, and says that there are more."""
    day = installation.fresh_date()
    rows = [a_payment(day, n, zone="n/a") for n in range(40)]

    outcome = Bank(installation=installation, dataset=LOCAL).settle(day, rows)

    check = failures(outcome)["values_readable"]
    assert "in at least 5 rows; first: line 2" in check.message
    assert [s.line for s in check.samples] == [2, 3, 4, 5, 6]


OTHERS = (
    DerivedColumn(name="cents", sql_type="BIGINT", sql="(amount * 100)::BIGINT"),
    DerivedColumn(name="size", sql_type="BIGINT", sql="1000000 // nullif(id_number, 0)"),
    DerivedColumn(name="number", sql_type="BIGINT", sql="created::BIGINT"),
    DerivedColumn(name="parsed", sql_type="TIMESTAMP", sql="strptime(created, '%d.%m.%Y')"),
)


@pytest.mark.parametrize("column", [OTHERS[2], OTHERS[3]], ids=lambda column: column.name)
def test_every_error_of_an_expression_is_a_finding(installation: Installation, column: DerivedColumn) -> None:
    """Casts and formats fail with errors of different kinds."""
    day = installation.fresh_date()
    bank = Bank(installation=installation, dataset=a_dataset(f"{column.name}_payments", derived=(OTHERS[0], column)))

    outcome = bank.settle(day, [a_payment(day, created="n/a")])

    assert list(failures(outcome)) == ["values_readable"]
    assert f"{column.name}: cannot be computed from created" in failures(outcome)["values_readable"].message
    assert "cents" not in failures(outcome)["values_readable"].message


CLEANED = DerivedColumn(name="cleaned", sql_type="VARCHAR", sql="trim(created)")
NUMBER = DerivedColumn(name="number", sql_type="BIGINT", sql="cleaned::BIGINT")
DOUBLED = DerivedColumn(name="doubled", sql_type="BIGINT", sql="number * 2")


def test_a_column_over_an_earlier_derived_one_fails_on_its_own_rows_alone(installation: Installation) -> None:
    """The finding names the delivered column, and a column over the failed one is no second finding."""
    day = installation.fresh_date()
    bank = Bank(installation=installation, dataset=a_dataset("chained_payments", derived=(CLEANED, NUMBER, DOUBLED)))

    outcome = bank.settle(day, [a_payment(day, 1, created=" 7"), a_payment(day, 2, created="n/a")])

    assert list(failures(outcome)) == ["values_readable"]
    check = failures(outcome)["values_readable"]
    assert [(s.line, s.column) for s in check.samples] == [(3, "number")]
    assert "number: cannot be computed from created in 1 row; first: line 3" in check.message


@pytest.mark.parametrize(
    ("sql", "columns"), [("NULL::DATE", {"number", "business_date"}), ("number::VARCHAR::DATE", {"number"})]
)
def test_a_missing_date_is_a_finding_beside_a_failed_column(
    installation: Installation, sql: str, columns: set[str]
) -> None:
    """A date that is computed from the failed column is no finding of its own."""
    day = installation.fresh_date()
    number = DerivedColumn(name="number", sql_type="BIGINT", sql="created::BIGINT")
    dated = DerivedColumn(name="business_date", sql_type="DATE", sql=sql)
    bank = Bank(installation=installation, dataset=a_dataset("undated_payments", Undated, derived=(number, dated)))
    text = CsvForm(columns=("id", "created")).render([{"id": f"{day}", "created": "n/a"}])

    outcome = bank.settle(day, [{}], text=text)

    assert {s.column for s in failures(outcome)["values_readable"].samples} == columns


def test_no_breaker_moves_and_another_dataset_publishes_beside_it(own_installation: Installation) -> None:
    """The ledger holds neither a failure nor the value."""
    day = own_installation.fresh_date()
    own_installation.deliver(day)

    Bank(installation=own_installation, dataset=LOCAL).settle(day, [a_payment(day, created=CARD)])
    outcome = own_installation.run(day)

    assert outcome.decision.action is Action.PUBLISH
    attempts = own_installation.platform.ledger.attempts(LOCAL.name, day, day)
    assert {a.outcome.value for a in attempts} == {"started", "refused"}
    assert {a.dependency for a in attempts} == {""}
    ledger = b"".join(path.read_bytes() for path in own_installation.home.glob("ledger.sqlite*"))
    assert LOCAL.name.encode() in ledger
    assert CARD.encode() not in ledger


class Bounded(Payment):
    """A rule whose expression fails on some texts."""

    @pa.dataframe_check(name="created_is_a_number", description="created must be a number above 5")
    def created_is_a_number(cls, data: pa.IbisData) -> ibis.expr.types.BooleanColumn:  # noqa: N805 - pandera's form
        """Compare a text as a number."""
        return data.table.created.cast("int64") > 5


def test_a_rule_that_cannot_be_computed_on_a_row_is_a_finding(installation: Installation) -> None:
    day = installation.fresh_date()
    bank = Bank(installation=installation, dataset=a_dataset("bounded_payments", Bounded))
    rows = [a_payment(day, 1, created="7"), a_payment(day, 2, created="n/a"), a_payment(day, 3, created="9")]

    outcome = bank.settle(day, rows)

    (check,) = failures(outcome).values()
    assert check.name == "created_is_a_number"
    assert [s.line for s in check.samples] == [3]
    assert check.message.startswith("cannot be computed on 1 row: created must be a number above 5; first: ")


class Paired(Payment):
    """A check on the currency that reads another column."""

    @pa.check("currency", name="differs_from_merchant")
    def differs(cls, data: pa.IbisData) -> ibis.expr.types.BooleanColumn:  # noqa: N805 - pandera's form
        """Compare two columns."""
        return data.table.currency != data.table.merchant_id


def test_a_rule_on_the_grouping_column_that_reads_another_is_judged_per_row(installation: Installation) -> None:
    day = installation.fresh_date()
    dataset = a_dataset("paired_payments", Paired, control_totals=("amount",))
    rows = [a_payment(day, 1), a_payment(day, 2, merchant_id="EUR")]

    outcome = Bank(installation=installation, dataset=dataset).settle(day, rows, {"EUR": {"amount": Decimal("2.50")}})

    (check,) = failures(outcome).values()
    assert check.name == "currency_differs_from_merchant"
    assert [s.line for s in check.samples] == [3]


class Undated(pa.DataFrameModel):
    """No delivered business date."""

    id: str
    created: str = pa.Field(nullable=True)


def a_dated(name: str, sql: str) -> Dataset:
    """A dataset whose business date is computed."""
    return a_dataset(name, Undated, derived=(DerivedColumn(name="business_date", sql_type="DATE", sql=sql),))


@pytest.mark.parametrize(
    ("created", "failed", "words"),
    [
        (None, [], ""),
        ("2021-01-06", ["business_date_is_partition"], "'2021-01-06'"),
        ("", ["values_readable"], "business_date: cannot be computed from created in 1 row; first: line 2"),
        ("soon", ["values_readable"], "first: line 2, it cannot be computed: created 'soon'"),
    ],
)
def test_a_derived_business_date_is_the_one_of_its_folder(
    installation: Installation, created: str | None, failed: list[str], words: str
) -> None:
    """The rows' date and the path's never disagree, wherever the date comes from."""
    day = installation.fresh_date()
    bank = Bank(installation=installation, dataset=a_dated("dated_payments", "created::DATE"))
    text = CsvForm(columns=("id", "created")).render(
        [{"id": f"{day}", "created": str(day) if created is None else created}]
    )

    outcome = bank.settle(day, [{}], text=text)

    assert list(failures(outcome)) == failed
    assert all(words in check.message for check in failures(outcome).values())
    assert failed or bank.published(day, "business_date") == [(day,)]


def test_rows_are_found_by_halving(installation: Installation) -> None:
    with installation.platform.lake.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE t AS SELECT r AS source_row_number, r::VARCHAR AS v FROM range(1, 1001) s(r)")
        cursor.execute("UPDATE t SET v = 'x' WHERE source_row_number IN (17, 512, 1000)")

        found = find_failing_rows(cursor, "v::INTEGER", "t", 1000)

    assert [record for record, _ in found.rows] == [17, 512, 1000]
    assert not found.more
    assert found.count == "3"


def test_no_folder_of_the_home_replaces_a_column(tmp_path: Path) -> None:
    """The rows are those of the files on every step: reading, checks, restatement and publication."""
    home = tmp_path / "currency=XXX" / "amount_minor=5" / "business_date=2021-01-07"
    installation = an_installation(home)
    day = installation.fresh_date()
    installation.deliver(day)
    first = installation.run(day)

    delivered = installation.deliver(day, visa=a_visa(day, 7))
    second = installation.run(day)

    assert [o.decision.action for o in (first, second)] == [Action.PUBLISH, Action.PUBLISH]
    assert installation.rows(day) == expected_rows(delivered)
    assert second.difference is not None
    assert (second.difference.rows_added, second.difference.rows_changed) == (4, 0)
