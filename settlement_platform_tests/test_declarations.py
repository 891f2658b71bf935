"""A faulty declaration is named with its fault, and nothing else is out of service."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import ibis.expr.datatypes as dt
import pandera.ibis as pa
import pytest

from settlement_platform.catalog import DATASETS, MARTS, load_catalog
from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.control.policies import Restating, Timeliness
from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.contract import DerivedColumn
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.declaration_check import DATASET_CHECKS, RECORD_TABLES
from settlement_platform.declarations import FailedImport, check_declarations, faults_of, import_list
from settlement_platform.marts.declaration_check import MART_CHECKS
from settlement_platform.pipeline.marts.mart_checks import mart_checks
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform.pipeline.validation.check_catalog import dataset_checks
from settlement_platform_tests.pipeline.installation import FIRST_DATE, REQUEST, an_installation, open_home

if TYPE_CHECKING:
    from settlement_platform.marts.mart import Mart


class Payout(pa.DataFrameModel):
    """A schema without a fault."""

    payout_id: str
    merchant_id: str
    currency: str = pa.Field(isin=["EUR", "USD"])
    amount_minor: int
    rate: dt.Decimal(18, 2) = pa.Field(nullable=True)  # type: ignore[valid-type]
    business_date: date


GOOD = Dataset(
    name="payouts",
    description="Every payout of a business date.",
    owner="treasury@example.com",
    criticality="standard",
    schema=Payout,
    sources=(SourcePattern(source="bank", stem="{business_date}/{source}/payouts"),),
    key=("payout_id",),
    control_totals=("amount_minor",),
    timeliness=Timeliness(expected_by=time(5), target=time(7), deadline=time(8)),
)
MART = replace(MARTS[0], inputs=("card_settlements",))
CARDS = {"card_settlements": DATASETS[0]}


def schema(**columns: Any) -> type[pa.DataFrameModel]:  # noqa: ANN401 - types of columns
    """The schema of payouts with other types of columns; None removes one."""
    given = Payout.__annotations__ | columns
    return type("Changed", (pa.DataFrameModel,), {"__annotations__": {n: t for n, t in given.items() if t}})


class Broken(Payout):
    """A check that names a column that is not there."""

    @pa.dataframe_check(name="is_there")
    def is_there(cls, data: pa.IbisData) -> Any:  # noqa: N805, ANN401 - pandera's form
        return data.table.nowhere > 0


class BlankRule(Payout):
    """A check whose name cannot name an asset check."""

    @pa.dataframe_check(name="is positive")
    def is_positive(cls, data: pa.IbisData) -> Any:  # noqa: N805, ANN401 - pandera's form
        return data.table.amount_minor > 0


class Twice(Payout):
    """A check with the name of one that every dataset has."""

    @pa.dataframe_check(name="unique_in_date")
    def unique_in_date(cls, data: pa.IbisData) -> Any:  # noqa: N805, ANN401 - pandera's form
        return data.table.amount_minor > 0


def derived(sql: str, sql_type: str = "DECIMAL(38, 0)", name: str = "net_minor", narrow: str = "") -> dict[str, Any]:
    return {"derived": (DerivedColumn(name=name, sql_type=sql_type, sql=sql, narrow_sql=narrow),)}


def sources(*patterns: tuple[str, str]) -> dict[str, Any]:
    return {"sources": tuple(SourcePattern(source=source, stem=stem) for source, stem in patterns)}


TWO = (("bank", "{business_date}/{source}/payouts"), ("card", "{business_date}/{source}/payouts"))

FAULTY: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a schema without a business date": ({"schema": schema(business_date=None)}, ["column_missing"]),
    "a business date that is text": ({"schema": schema(business_date=str)}, ["column_type_unfit"]),
    "a type that cannot be staged": ({"schema": schema(rate=float)}, ["column_type_unfit"]),
    "a moment without a zone": ({"schema": schema(rate=datetime)}, ["schema_not_compiled"]),
    "a decimal wider than any": ({"schema": schema(rate=dt.Decimal(50, 2))}, ["sql_not_bound"]),
    "a check over no column": ({"schema": Broken}, ["schema_not_compiled"]),
    "a check with a blank in its name": ({"schema": BlankRule}, ["field_invalid"]),
    "a column that is optional": ({"schema": schema(rate=Optional[int])}, ["column_optional"]),  # noqa: UP045 - as pandera's page has it
    "a column that may be absent": ({"schema": schema(rate=int | None)}, ["column_optional"]),
    "no schema": ({"schema": None}, ["schema_not_compiled"]),
    "a key of no column": ({"key": ("payout",)}, ["column_unknown"]),
    "an empty key": ({"key": ()}, ["field_invalid"]),
    "a key named twice": ({"key": ("payout_id", "payout_id")}, ["named_twice"]),
    "a key of row numbers": ({"key": ("source_row_number",)}, ["key_is_row_number"]),
    "a key of row numbers and sources": ({"key": ("source", "source_row_number")}, ["key_is_row_number"]),
    "row numbers over sources": (
        {"key": ("business_date", "source_row_number"), **sources(*TWO)},
        ["key_is_row_number"],
    ),
    "a stem outside the date's folder": (sources(("bank", "adyen/{business_date}/sdr")), ["stem_not_listed"]),
    "a stem without a folder": (sources(("bank", "{business_date}-payouts")), ["stem_not_listed"]),
    "a stem that leaves the folder": (sources(("bank", "{business_date}/../payouts")), ["stem_not_listed"]),
    "a stem with an unknown part": (sources(("bank", "{business_date}/{batch}")), ["stem_not_listed"]),
    "a hidden stem": (sources(("bank", "{business_date}/.payouts")), ["stem_not_listed"]),
    "one stem for two sources": (
        sources(("bank", "{business_date}/all"), ("card", "{business_date}/all")),
        ["stem_shared"],
    ),
    "a stem that is a version of another": (
        sources(("bank", "{business_date}/all"), ("card", "{business_date}/all.2")),
        ["stem_shared"],
    ),
    "a source named twice": (sources(TWO[0], TWO[0]), ["named_twice"]),
    "a source with a slash": (sources(("a/b", "{business_date}/payouts")), ["field_invalid"]),
    "no source": ({"sources": ()}, ["field_invalid"]),
    "a total of no column": ({"control_totals": ("amount",)}, ["column_unknown"]),
    "a total of text": ({"control_totals": ("merchant_id",)}, ["column_not_an_amount"]),
    "totals by no column": ({"totals_by": "money"}, ["column_unknown"]),
    "a measure that is no amount": ({"restating": Restating(measure="payout_id")}, ["column_not_an_amount"]),
    "a measure per no column": (
        {"restating": Restating(measure="amount_minor", merchant="shop")},
        ["column_unknown"],
    ),
    "a threshold of a column that is never null": ({"null_thresholds": {"payout_id": 0.5}}, ["column_never_null"]),
    "a threshold above one": ({"null_thresholds": {"rate": 5}}, ["field_invalid"]),
    "a column in two cases": ({"schema": schema(Amount_Minor=int)}, ["column_doubled"]),
    "a column that the platform adds": ({"schema": schema(source=str)}, ["column_added_by_platform"]),
    "a derived column with the name of another": (derived("1::DECIMAL(38, 0)", name="rate"), ["column_doubled"]),
    "a derived column over no column": (derived("gross - 1"), ["sql_not_bound"]),
    "a derived column that is no SQL": (derived("amount_minor -"), ["sql_not_bound"]),
    "a derived column of another type": (derived("merchant_id"), ["sql_type_differs"]),
    "a derived column of an unknown type": (derived("amount_minor", "MONEY"), ["sql_not_bound"]),
    "a decimal without its digits": (derived("amount_minor / 3", "DECIMAL"), ["field_invalid"]),
    "a numeric without its digits": (derived("amount_minor / 3", "numeric"), ["field_invalid"]),
    "a measure of too many decimals": (
        {"schema": schema(rate=dt.Decimal(38, 19)), "restating": Restating(measure="rate")},
        ["field_invalid"],
    ),
    "a narrow form of another scale": (
        derived("amount_minor::DECIMAL(38, 0)", narrow="amount_minor::DECIMAL(18, 2)"),
        ["sql_type_differs"],
    ),
    "a name with a blank": ({"name": "pay outs"}, ["field_invalid"]),
    "the name of a record": ({"name": "publications"}, ["field_invalid"]),
    "the name of a store": ({"name": "lake"}, ["field_invalid"]),
    "an owner who is no address": ({"owner": "treasury"}, ["field_invalid"]),
    "a negative tolerance": ({"totals_tolerance": -1}, ["field_invalid"]),
    "a first date that is text": ({"first_date": "2026-11-28"}, ["field_invalid"]),
    "times that are none": ({"timeliness": time(5)}, ["field_invalid"]),
    "a description that is none": ({"description": None}, ["field_invalid"]),
    "a check with a name of the platform": ({"schema": Twice}, ["field_invalid"]),
    "sources that are none": ({"sources": None}, ["not_checked"]),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_a_faulty_dataset_is_named_with_its_fault(fault: str) -> None:
    """One fault has one reason, so that what is corrected is what was wrong."""
    changes, codes = FAULTY[fault]

    found = faults_of(replace(GOOD, **changes))

    assert [reason.code for reason in found] == codes, found


SOUND: dict[str, dict[str, Any]] = {
    "as it is": {},
    "with a derived date": {
        "schema": schema(business_date=None, booked=date),
        **derived("booked", "DATE", name="business_date"),
    },
    "with a key of row numbers in one file a date": {"key": ("business_date", "source_row_number")},
    "with a key of row numbers and no window": {"key": ("source_row_number",), "duplicate_window_days": 0},
    "with row numbers of each source": {"key": ("business_date", "source", "source_row_number"), **sources(*TWO)},
    "with a derived column over another": {
        "derived": (
            DerivedColumn(name="twice", sql_type="BIGINT", sql="amount_minor * 2"),
            DerivedColumn(name="again", sql_type="BIGINT", sql="twice * 2"),
        )
    },
    "with a decimal as total and measure": {
        "control_totals": ("rate",),
        "restating": Restating(measure="rate"),
    },
    "with a measure of as many decimals as fit": {
        "schema": schema(rate=dt.Decimal(38, 18)),
        "restating": Restating(measure="rate"),
    },
    "with a threshold of a nullable column": {"null_thresholds": {"rate": 0.5}},
    "with a team as owner": {"owner": "team:treasury"},
    "without totals": {"control_totals": (), "schema": schema(currency=None)},
    "with a first date": {"first_date": date(2026, 11, 28)},
}


@pytest.mark.parametrize("sound", SOUND)
def test_a_sound_dataset_has_no_fault(sound: str) -> None:
    assert faults_of(replace(GOOD, **SOUND[sound])) == ()


class NoRules(pa.DataFrameModel):
    """A mart's schema with a column that its query does not give."""

    business_date: date
    merchant_id: str
    currency: str
    more: int


FAULTY_MARTS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "an unknown input": ({"inputs": ("payouts",)}, ["input_unknown"]),
    "an input out of service": ({"inputs": ("card_settlements", "gone")}, ["input_out_of_service"]),
    "an input named twice": ({"inputs": ("card_settlements",) * 2}, ["named_twice"]),
    "no input": ({"inputs": ()}, ["field_invalid"]),
    "a query that is not there": ({"name": "nowhere"}, ["sql_not_bound"]),
    "a column that the query does not give": (
        {"schema": NoRules, "reconciles": {"more": "amount_minor"}},
        ["sql_not_bound"],
    ),
    "a sum over no column": ({"reconciles": {"gross_minor": "gross"}}, ["sql_not_bound"]),
    "a sum of no column": ({"reconciles": {"gross": "amount_minor"}}, ["column_unknown"]),
    "nothing to reconcile": ({"reconciles": {}}, ["field_invalid"]),
    "a key of no column": ({"key": ("merchant",)}, ["column_unknown"]),
}


@pytest.mark.parametrize("fault", FAULTY_MARTS)
def test_a_faulty_mart_is_named_with_its_fault(fault: str) -> None:
    changes, codes = FAULTY_MARTS[fault]

    found = faults_of(replace(MART, **changes), {**CARDS, "gone": None})

    assert [reason.code for reason in found] == codes, found


def test_a_query_that_is_more_than_one_statement_is_not_bound() -> None:
    """Nothing of it is run."""
    mart = replace(MART)
    object.__setattr__(mart, "sql", "SELECT 1); DROP TABLE x; SELECT (1")

    (found,) = faults_of(mart, CARDS)

    assert found.code == "sql_not_bound"


def test_the_declared_datasets_and_marts_are_sound() -> None:
    catalog = load_catalog()

    assert catalog.out_of_service == ()
    assert (catalog.datasets, catalog.marts) == (DATASETS, MARTS)


def test_a_faulty_dataset_takes_out_its_marts_and_nothing_else() -> None:
    faulty = replace(GOOD, schema=schema(business_date=None))
    over_it = replace(MARTS[1], inputs=("payouts",))

    found = check_declarations([*DATASETS, faulty], [MARTS[0], over_it])

    assert (found.datasets, found.marts) == (DATASETS, (MARTS[0],))
    assert {each.name: [fault.code for fault in each.faults] for each in found.out_of_service} == {
        "payouts": ["column_missing"],
        over_it.name: ["input_out_of_service"],
    }
    assert {reason.code for each in found.out_of_service for reason in each.reasons} == {"out_of_service"}


@pytest.mark.parametrize("taken", ["dataset", "mart"])
def test_of_two_with_one_name_the_earlier_stays_in_service(taken: str) -> None:
    twin: Dataset | Mart = replace(GOOD, name="card_settlements") if taken == "dataset" else MARTS[0]
    lists: tuple[Any, Any] = ([*DATASETS, twin], MARTS) if taken == "dataset" else (DATASETS, [*MARTS, twin])

    found = check_declarations(*lists)

    assert (found.datasets, found.marts) == (DATASETS, MARTS)
    assert [[fault.code for fault in each.faults] for each in found.out_of_service] == [["name_taken"]]


def test_what_is_no_declaration_is_out_of_service() -> None:
    found = check_declarations([*DATASETS, "payouts", MARTS[0]], [*MARTS, None])

    assert (found.datasets, found.marts) == (DATASETS, MARTS)
    assert [each.faults[0].code for each in found.out_of_service] == ["not_a_declaration"] * 3


@pytest.mark.parametrize(
    ("key", "window", "states"),
    [
        (("business_date", "source", "source_row_number"), 7, [Action.PUBLISH, Action.PUBLISH]),
        (("source", "source_row_number"), 0, [Action.PUBLISH, Action.PUBLISH]),
        (("source", "source_row_number"), 7, [Action.PUBLISH, Action.REFUSE]),
        (("business_date", "source_row_number"), 7, [Action.REFUSE, Action.REFUSE]),
    ],
)
def test_keys_of_row_numbers_publish_exactly_where_they_are_no_fault(
    tmp_path: Path, key: tuple[str, ...], window: int, states: list[Action]
) -> None:
    """The fault is no matter of taste: such a dataset is refused, at the latest on its second date."""
    there = an_installation(tmp_path)
    dataset = replace(DATASETS[0], key=key, duplicate_window_days=window)

    found = []
    for day in (FIRST_DATE, FIRST_DATE + timedelta(days=1)):
        there.deliver(day)
        found.append(validate_and_publish(prepare(there.platform, dataset, day, REQUEST)).decision.action)

    assert found == states
    assert (faults_of(dataset) == ()) == (Action.REFUSE not in states)


def test_the_names_that_are_kept_for_records_are_those_of_the_lake(tmp_path: Path) -> None:
    platform = open_home(tmp_path)

    tables = platform.lake.cursor().execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = 'lake' AND table_schema = 'published'"
    )

    assert {name for (name,) in tables.fetchall()} - set(load_catalog().names) == RECORD_TABLES


def test_the_names_that_no_rule_may_have_are_those_of_the_checks() -> None:
    plain = schema(currency=str)

    assert set(dataset_checks(replace(GOOD, schema=plain))) == DATASET_CHECKS
    assert set(mart_checks(MART)) - {rule.name for rule in MART.contract.rules} == MART_CHECKS


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A module with this text, and the modules that it imports, on the path; its name."""

    def make(name: str, text: str, **modules: str) -> str:
        for module, source in {name: text, **modules}.items():
            (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        return name

    monkeypatch.syspath_prepend(str(tmp_path))
    return make


def test_a_module_that_cannot_be_imported_takes_out_its_own_declarations(package: Callable[..., str]) -> None:
    """The list is written as CONTRIBUTING.md says: imports above, and a tuple."""
    listed = package(
        "some_list",
        "from one_good import ONE\nfrom one_raises import TWO\n"
        "from one_missing import THREE\nfrom one_torn import FOUR\n"
        "DECLARED: tuple[int, ...] = (ONE, TWO, THREE, FOUR)\n",
        one_good="ONE = 1",
        one_raises="raise ValueError('the expected time is after the deadline')",
        one_torn="FOUR = (",
    )

    found = import_list(listed, "DECLARED")

    assert found[0] == 1
    assert found[1] == FailedImport(
        name="two", module="one_raises", error="ValueError: the expected time is after the deadline"
    )
    assert [each.name for each in found[2:]] == ["three", "four"]
    assert found[2].error.startswith("ModuleNotFoundError: ")
    assert found[3].error.startswith("SyntaxError: ")


def test_a_list_that_is_wrong_itself_is_one_fault_and_no_traceback(package: Callable[..., str]) -> None:
    (found,) = import_list(package("torn_list", "DECLARED = (ONE,)\n"), "DECLARED")
    checked = check_declarations([found], ())

    assert found == FailedImport(name="declared", module="torn_list", error="NameError: name 'ONE' is not defined")
    assert [(each.name, each.faults[0].code) for each in checked.out_of_service] == [("declared", "not_imported")]
