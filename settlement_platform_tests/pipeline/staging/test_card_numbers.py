"""A card number among the tokens closes the gate, and is nowhere afterwards but in the delivered file."""

import json
import logging
import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandera.ibis as pa
import pytest

from settlement_platform.control.publishing.gate import Action
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS, CardSettlement
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform.storage.serialization import CONVERTER
from settlement_platform_tests.deliveries import COLUMNS, CsvForm, Delivery, a_row, always, some_rows
from settlement_platform_tests.pipeline.installation import REQUEST, Installation

NUMBER = "4111111111111111"
SUMS = {"amount_minor": 1001, "fee_minor": 11}
SPELLINGS = {
    "16 digits": NUMBER,
    "13 digits": "4222222222222",
    "15 digits": "378282246310005",
    "19 digits": "6304000000000000000",
    "spaces": "4111 1111 1111 1111",
    "hyphens": "4111-1111-1111-1111",
    "blanks at both ends": f"  {NUMBER} ",
    "hyphens at both ends": f"-{NUMBER}-",
    "no-break spaces": "4111\u00a01111\u00a01111\u00a01111",
    "narrow no-break spaces": "4111\u202f1111\u202f1111\u202f1111",
    "full stops": "4111.1111.1111.1111",
    "4-6-5": "3782 822463 10005",
    "4-6-4": "3056 930902 5904",
    "inside a longer value": f"tok {NUMBER} exp 12/29",
    "glued to letters": f"tok_{NUMBER}x",
}


def _spoiled(day: date, token: str, **values: str) -> Delivery:
    rows = [a_row(day, "visa", 1), a_row(day, "visa", 2, card_token=token, **values), a_row(day, "visa", 3)]
    return Delivery(business_date=day, source="visa", rows=rows)


def _files_with(home: Path, text: str) -> list[str]:
    """Every file below the home that holds the text, the landing zone left out."""
    return [
        str(path.relative_to(home))
        for path in sorted(home.rglob("*"))
        if path.is_file() and "landing" not in path.relative_to(home).parts and text.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("token", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_a_card_number_in_any_spelling_is_refused(installation: Installation, token: str) -> None:
    """An unbroken run of digits, or the groups in which card numbers are written, anywhere in a value."""
    day = installation.fresh_date()
    installation.deliver(day, visa=_spoiled(day, token))

    concluded = installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert concluded.verdict is not None
    (check,) = concluded.verdict.failures
    assert (check.name, check.measured) == ("no_card_numbers", "1")
    assert [(s.line, s.column, s.value) for s in check.samples] == [(3, "card_token", "[withheld]")]
    assert installation.rows(day) == []


@pytest.mark.parametrize("token", [NUMBER, "4111 1111 1111 1111"], ids=["bare", "spaced"])
@pytest.mark.parametrize(
    "form", [CsvForm(), CsvForm(line_ends=("\n", "\r\n"), quoted=always)], ids=["plain", "mixed line ends"]
)
def test_a_card_number_is_nowhere_afterwards(
    own_installation: Installation,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    token: str,
    form: CsvForm,
) -> None:
    """Not in the verdict, the ledger, the staging area, the lake, the workspace, a log or an error."""
    caplog.set_level(logging.DEBUG)
    day = own_installation.fresh_date()
    rows = _spoiled(day, token, currency="eur", settled_at="never").rows
    own_installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, form=form))

    concluded = own_installation.run(day)

    out = "".join(capfd.readouterr())
    recorded = json.dumps(CONVERTER.unstructure([concluded.verdict, *concluded.stagings]))
    assert concluded.decision.action is Action.REFUSE
    assert token not in repr(concluded) + recorded + caplog.text + out
    assert _files_with(own_installation.home, token) == []


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
@pytest.mark.parametrize("column", ["network", "currency", "transaction_type"])
def test_a_card_number_in_a_column_of_declared_values_is_not_kept(
    installation: Installation, column: str, text: str
) -> None:
    """A column slipped by one puts it there; the staged copy of a quarantined date has nothing in its place."""
    day = installation.fresh_date()
    rows = [a_row(day, "visa", 1), a_row(day, "visa", 2, **{column: text}), a_row(day, "visa", 3)]
    declared = {"totals": {}}
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, declared=declared))

    concluded = installation.run(day)

    assert concluded.verdict is not None
    failures = {c.name: c for c in concluded.verdict.failures}
    assert set(failures) == {"no_card_numbers", "totals_as_declared"}
    assert [(s.line, s.column, s.value) for s in failures["no_card_numbers"].samples] == [(3, column, "[withheld]")]
    staged = next(s for s in concluded.stagings if s.source == "visa")
    kept = (
        installation.platform.lake.cursor().execute(f"SELECT {column} FROM read_parquet(?)", [staged.path]).fetchall()
    )
    assert kept == [(rows[0][column],), (None,), (rows[2][column],)]


@pytest.mark.parametrize("column", ["network", "currency", "transaction_type"])
@pytest.mark.parametrize(
    "text", ["4111111111111112", "chargeback_reversals", "41111111111111111111", "1111 4111 1111 1111 1111"]
)
def test_another_long_value_breaks_the_rule_of_its_column(installation: Installation, column: str, text: str) -> None:
    """Only card numbers are withheld; what is merely wrong is kept as evidence."""
    day = installation.fresh_date()
    rows = [a_row(day, "visa", 1, **{column: text})]
    installation.deliver(
        day, visa=Delivery(business_date=day, source="visa", rows=rows, declared={"totals": {"EUR": SUMS}})
    )

    concluded = installation.run(day)

    assert concluded.verdict is not None
    failed = {c.name for c in concluded.verdict.failures}
    assert failed & {"network_is_source", "currency_isin", "transaction_type_isin"}
    assert "no_card_numbers" not in failed


def test_a_card_number_in_a_control_file_is_nowhere_afterwards(own_installation: Installation) -> None:
    """The ledger keeps what was declared, but not under such a name."""
    day = own_installation.fresh_date()
    declared = {"totals": {NUMBER: SUMS}, "source": NUMBER, "business_date": NUMBER}
    visa = Delivery(business_date=day, source="visa", rows=some_rows(day, "visa"), declared=declared)
    own_installation.deliver(day, visa=visa)

    concluded = own_installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert NUMBER[:8] not in repr(concluded)
    assert _files_with(own_installation.home, NUMBER) == []


@pytest.mark.parametrize("column", ["transaction_id", "merchant_id"])
@pytest.mark.parametrize("text", [NUMBER, "4111 1111 1111 1111"], ids=["bare", "spaced"])
def test_a_card_number_in_free_text_does_not_reach_readers(
    own_installation: Installation, column: str, text: str
) -> None:
    """The date is refused, and the number stands in no store."""
    day = own_installation.fresh_date()
    rows = [a_row(day, "visa", 1, **{column: text}), a_row(day, "visa", 2)]
    own_installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))

    concluded = own_installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert concluded.verdict is not None
    (check,) = [c for c in concluded.verdict.failures if c.name == "no_card_numbers"]
    assert [(s.line, s.column, s.value) for s in check.samples] == [(2, column, "[withheld]")]
    assert _files_with(own_installation.home, text) == []


def test_a_column_of_other_long_numbers_can_be_exempted(installation: Installation) -> None:
    """The declaration says why."""

    class Exempted(CardSettlement):
        """The card settlements, with references that may look like card numbers."""

        transaction_id: str = pa.Field(metadata={"not_card_numbers": "references of 16 digits"})

    day = installation.fresh_date()
    rows = [a_row(day, "visa", 1, transaction_id=NUMBER)]
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))
    dataset = replace(CARD_SETTLEMENTS, schema=Exempted)

    concluded = validate_and_publish(prepare(installation.platform, dataset, day, REQUEST))

    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day)[-1][0] == NUMBER


STRUCTURES = {
    "a field too many": b",".join([b"x"] * 11 + [NUMBER.encode()]) + b"\n",
    "a stray quote": b'x,"' + NUMBER.encode() + b'"y,x\n',
    "a quote never closed": b'x,"' + NUMBER.encode() + b"\n",
    "a file without header": b"",
}


@pytest.mark.parametrize("spoiled", STRUCTURES.values(), ids=STRUCTURES.keys())
def test_a_card_number_in_a_malformed_record_is_nowhere_afterwards(
    own_installation: Installation, spoiled: bytes
) -> None:
    """A record that is none is named by its line, never by its text."""
    day = own_installation.fresh_date()
    text = CsvForm().render(some_rows(day, "visa")) + spoiled
    if not spoiled:
        text = CsvForm(header=[NUMBER, NUMBER, *COLUMNS[2:]]).render(some_rows(day, "visa"))
    own_installation.deliver(day, visa=Delivery(business_date=day, source="visa", data=text))

    concluded = own_installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert NUMBER not in repr(concluded)
    assert _files_with(own_installation.home, NUMBER) == []


@pytest.mark.parametrize("column", [c for c in COLUMNS if c not in {"merchant_id", "card_token", "transaction_id"}])
@pytest.mark.parametrize("text", [NUMBER, "4111 1111 1111 1111", f"x{NUMBER}"], ids=["bare", "spaced", "in text"])
def test_a_finding_never_shows_what_could_be_a_card_number(installation: Installation, column: str, text: str) -> None:
    """A column slipped by one puts card numbers anywhere."""
    day = installation.fresh_date()
    values = {column: text} | ({"transaction_type": "refund"} if column == "amount_minor" and text == NUMBER else {})
    values |= {"merchant_id": "broken", "currency": values.get("currency", "eur")}
    rows = [a_row(day, "visa", 1, **values)]
    totals = {} if column == "currency" else None
    declared = {"totals": totals} if totals is not None else {}
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows, declared=declared))

    concluded = installation.run(day)

    assert concluded.decision.action is Action.REFUSE
    assert concluded.verdict is not None
    shown = [c.message + c.measured + c.threshold + repr(c.samples) for c in concluded.verdict.checks]
    assert not [s for s in shown if NUMBER in re.sub(r"[\s,.\u2013-]", "", s)]


def test_a_doubled_key_that_is_a_card_number_is_not_shown(installation: Installation) -> None:
    """Keys are shown in findings on duplicates, but not such a key."""
    day = installation.fresh_date()
    rows = [a_row(day, "visa", n, transaction_id=NUMBER) for n in (1, 2)]
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))

    concluded = installation.run(day)

    assert concluded.verdict is not None
    assert "no_card_numbers" in {c.name for c in concluded.verdict.failures}
    assert not [c for c in concluded.verdict.checks if NUMBER in c.message + repr(c.samples)]


def test_a_doubled_key_that_only_looks_like_a_card_number_is_shown(installation: Installation) -> None:
    """Withheld keys would be missing from the evidence."""
    day, key = installation.fresh_date(), "vi20261105-000000624"
    rows = [a_row(day, "visa", n, transaction_id=key) for n in (1, 2)]
    installation.deliver(day, visa=Delivery(business_date=day, source="visa", rows=rows))

    concluded = installation.run(day)

    assert concluded.verdict is not None
    (check,) = concluded.verdict.failures
    assert check.name == "unique_in_date"
    assert key in check.message
