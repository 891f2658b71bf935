"""A control file is read strictly, and sums are held against it whatever their order."""

import json
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.landing.control_files import (
    MAX_CONTROL_FILE_BYTES,
    Totals,
    UnreadableControlFile,
    add_totals,
    compare_totals,
    find_disagreements,
    parse_control_file,
    recorded_totals,
    subtract_amounts,
    totals_on_record,
)
from settlement_platform.control.reasons.reason import Reason, reason_codes
from settlement_platform_tests.builders import DAY, a_control_document, a_control_file

COLUMNS = ("amount_minor", "fee_minor")

amounts = st.integers(min_value=-(2**70), max_value=2**70)
sums = st.fixed_dictionaries(dict.fromkeys(COLUMNS, amounts))
totals = st.dictionaries(st.sampled_from(["EUR", "JPY", "KWD", "USD"]), sums)


def refusal_of(text: bytes) -> Reason:
    """The reason why a control file is refused."""
    with pytest.raises(UnreadableControlFile) as refused:
        parse_control_file(text, total_columns=COLUMNS)
    assert str(refused.value) == refused.value.reason
    return refused.value.reason


@given(parts=st.lists(totals, max_size=5).flatmap(lambda p: st.tuples(st.just(p), st.permutations(p))))
def test_the_order_of_parts_does_not_matter(parts: tuple[list[Totals], list[Totals]]) -> None:
    """Sources may be added up in whatever order they were staged."""
    listed, shuffled = parts

    assert add_totals(listed) == add_totals(shuffled)


@given(left=st.lists(totals, max_size=3), right=st.lists(totals, max_size=3))
def test_the_grouping_of_parts_does_not_matter(left: list[Totals], right: list[Totals]) -> None:
    """Sums of sums are the sums of all."""
    together = add_totals([*left, *right])

    assert add_totals([add_totals(left), add_totals(right)]) == together


@given(part=totals)
def test_adding_changes_none_of_its_parts(part: Totals) -> None:
    """Declared totals stay as they were read."""
    before = json.dumps(part)

    add_totals([part, part])

    assert json.dumps(part) == before


@given(declared=totals, measured=totals, tolerance=st.integers(min_value=0, max_value=2**71))
def test_totals_agree_exactly_when_every_sum_is_within_tolerance(
    declared: Totals, measured: Totals, tolerance: int
) -> None:
    """No disagreement is reported that is none, and none that is one goes unreported."""
    agree = declared.keys() == measured.keys() and all(
        abs(declared[currency][column] - measured[currency][column]) <= tolerance
        for currency in declared
        for column in COLUMNS
    )

    found = compare_totals(declared, measured, tolerance=tolerance)

    assert (not found) == agree


@pytest.mark.parametrize(("off_by", "agrees"), [(-3, False), (-2, True), (0, True), (2, True), (3, False)])
def test_the_tolerance_itself_is_allowed(off_by: int, agrees: bool) -> None:
    """A tolerance of two minor units allows two, either way."""
    declared = {"EUR": {"amount_minor": 100, "fee_minor": 5}}
    measured = {"EUR": {"amount_minor": 100 + off_by, "fee_minor": 5}}

    found = compare_totals(declared, measured, tolerance=2)

    assert (not found) == agrees


def test_a_disagreement_names_currency_column_and_both_sums() -> None:
    """Whoever reads the finding need not open a file."""
    declared = {"EUR": {"amount_minor": 1500, "fee_minor": 5}}
    measured = {"EUR": {"amount_minor": 1250, "fee_minor": 5}}

    found = compare_totals(declared, measured)

    assert reason_codes(found) == [
        {
            "code": "total_differs",
            "parameters": {
                "currency": "EUR",
                "column": "amount_minor",
                "declared": "1,500",
                "measured": "1,250",
                "difference": -250,
            },
        }
    ]


@given(
    rows=st.integers(min_value=0, max_value=10**12 - 1),
    declared=totals,
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_what_is_declared_is_read_back(rows: int, declared: Totals, mark: bytes) -> None:
    """Numbers keep every digit, with a byte-order mark or without."""
    text = mark + a_control_file(rows=rows, totals=declared)

    read = parse_control_file(text, total_columns=COLUMNS)

    assert (read.rows, read.totals) == (rows, declared)


def test_a_file_with_nothing_settled_is_valid() -> None:
    """Zero rows and no totals is what a quiet day looks like."""
    read = parse_control_file(a_control_file(rows=0, totals={}), total_columns=COLUMNS)

    assert (read.rows, read.totals) == (0, {})


def test_a_sha256_in_upper_case_is_the_same_sha256() -> None:
    """Providers differ in how they spell hexadecimal."""
    read = parse_control_file(a_control_file(sha256="AB" * 32), total_columns=COLUMNS)

    assert read.sha256 == "ab" * 32


def test_unknown_members_are_ignored() -> None:
    """A provider may say more than it must."""
    text = a_control_file(note="thank you", totals={"EUR": {"amount_minor": 1, "fee_minor": 2, "refunds": 1.5}})

    read = parse_control_file(text, total_columns=COLUMNS)

    assert read.totals == {"EUR": {"amount_minor": 1, "fee_minor": 2}}


@pytest.mark.parametrize("member", ["business_date", "source", "sha256", "rows", "totals"])
def test_a_missing_member_is_named(member: str) -> None:
    """Nothing that must be declared may be left out."""
    document = a_control_document()
    del document[member]

    refusal = refusal_of(json.dumps(document).encode())

    assert refusal.code == "member_missing"
    assert refusal.parameters == {"member": member}


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("business_date", 20261120, "member_of_other_type"),
        ("source", None, "member_of_other_type"),
        ("sha256", ["ab"], "member_of_other_type"),
        ("rows", "3", "member_of_other_type"),
        ("rows", 3.0, "member_of_other_type"),
        ("rows", float("nan"), "member_of_other_type"),
        ("rows", True, "number_not_integer"),
        ("rows", None, "member_of_other_type"),
        ("rows", -1, "rows_negative"),
        ("rows", 10**12, "rows_too_many"),
        ("totals", [], "member_of_other_type"),
        ("totals", None, "member_of_other_type"),
    ],
)
def test_a_member_of_another_kind_is_named(member: str, value: Any, code: str) -> None:  # noqa: ANN401 - JSON
    """A number is neither text, nor true, nor a fraction."""
    refusal = refusal_of(a_control_file(**{member: value}))

    assert refusal.code == code
    assert repr(member) in refusal


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "null"), (True, "true"), ([1], "an array"), ({}, "an object"), ("3", "'3'"), (3.5, "3.5")],
)
def test_a_wrong_value_is_shown_in_words_of_json(value: Any, shown: str) -> None:  # noqa: ANN401 - JSON
    """Providers write JSON, and need not know Python's names of its values."""
    assert refusal_of(a_control_file(rows=value)).parameters["value"] == shown


decimals = st.decimals(allow_nan=False, allow_infinity=False, places=9, min_value=-(10**30), max_value=10**30)


@given(total=decimals)
def test_a_decimal_total_keeps_every_digit_on_its_way_to_the_ledger_and_back(total: Decimal) -> None:
    """Also those that a binary fraction, or Python's usual 28 digits, would lose."""
    text = a_control_file(totals={"EUR": {"amount": 1}}).replace(b'"amount": 1', f'"amount": {total:f}'.encode())

    read = parse_control_file(text, total_columns=["amount"], decimal_columns=["amount"])
    kept = totals_on_record(json.loads(json.dumps(recorded_totals(read.totals))))

    assert read.totals == {"EUR": {"amount": total}}
    assert kept == read.totals


@given(numbers=st.lists(decimals, max_size=6), off_by=decimals, tolerance=decimals.map(abs))
def test_sums_of_decimals_are_those_of_fractions(numbers: list[Decimal], off_by: Decimal, tolerance: Decimal) -> None:
    """Addition, difference and tolerance round nothing."""
    exact = sum(map(Fraction, numbers), Fraction(0))

    total = add_totals({"EUR": {"amount": n}} for n in [Decimal(0), *numbers])
    declared = {"EUR": {"amount": subtract_amounts(total["EUR"]["amount"], off_by)}}

    assert Fraction(total["EUR"]["amount"]) == exact
    assert bool(compare_totals(declared, total, tolerance=tolerance)) == (abs(Fraction(off_by)) > Fraction(tolerance))


@pytest.mark.parametrize("number", ["100", "100.0", "1e2", "1E+2", "1000e-1"])
def test_a_decimal_total_may_be_written_in_any_form_of_json(number: str) -> None:
    text = a_control_file(totals={"EUR": {"amount": 1}}).replace(b'"amount": 1', f'"amount": {number}'.encode())

    read = parse_control_file(text, total_columns=["amount"], decimal_columns=["amount"])

    assert recorded_totals(read.totals) in ({"EUR": {"amount": "100"}}, {"EUR": {"amount": "100.0"}})


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("true", "must be a decimal number"),
        ('"1.0"', "must be a decimal number"),
        ("NaN", "must be a decimal number"),
        ("1e101", "more than 100 digits"),
        ("1e999999999", "more than 100 digits"),
        ("1e-101", "more than 100 digits"),
        ("1" * 102, "more than 100 digits"),
        ("1e99999999999999999999", "more digits than any total"),
    ],
)
def test_a_decimal_total_that_is_no_number_of_money_is_refused(number: str, reason: str) -> None:
    text = a_control_file(totals={"EUR": {"amount": 1}}).replace(b'"amount": 1', f'"amount": {number}'.encode())

    with pytest.raises(UnreadableControlFile, match=reason):
        parse_control_file(text, total_columns=["amount"], decimal_columns=["amount"])


def test_a_difference_of_decimals_never_shows_a_card_number() -> None:
    (found,) = compare_totals({"EUR": {"amount": Decimal("41111111111111.11")}}, {"EUR": {"amount": Decimal(5)}})

    assert "4111" not in digits_of(found)


@pytest.mark.parametrize("value", [1.0, 1e3, True, False, "1", None, [], {}])
@pytest.mark.parametrize("column", COLUMNS)
def test_a_total_that_is_no_whole_number_is_named(column: str, value: Any) -> None:  # noqa: ANN401 - JSON
    """Money is counted in whole minor units."""
    refusal = refusal_of(a_control_file(totals={"EUR": {"amount_minor": 1, "fee_minor": 2, column: value}}))

    assert refusal.code == "number_not_integer"
    assert refusal.parameters["name"] == f"total {column!r} of 'EUR'"


@pytest.mark.parametrize(
    ("totals_", "code", "parameters"),
    [
        ({"EUR": {"amount_minor": 1}}, "total_missing", {"currency": "'EUR'", "column": "fee_minor"}),
        ({"EUR": 7}, "totals_not_object", {"currency": "'EUR'", "value": "7"}),
        ({"EUR": {}}, "total_missing", {"currency": "'EUR'", "column": "amount_minor"}),
    ],
)
def test_incomplete_totals_are_named(totals_: Any, code: str, parameters: dict[str, str]) -> None:  # noqa: ANN401 - JSON
    """Every currency declares every control total."""
    refusal = refusal_of(a_control_file(totals=totals_))

    assert (refusal.code, refusal.parameters) == (code, parameters)


@pytest.mark.parametrize(
    ("text", "member"),
    [
        (b'{"rows": 1, "rows": 1}', "'rows'"),
        (b'{"totals": {"EUR": {}, "EUR": {}}}', "'EUR'"),
        (b'{"totals": {"EUR": {"fee_minor": 1, "fee_minor": 2}}}', "'fee_minor'"),
    ],
)
def test_a_doubled_member_is_named(text: bytes, member: str) -> None:
    """Nothing says which of two values counts."""
    refusal = refusal_of(text)

    assert (refusal.code, refusal.parameters) == ("member_doubled", {"member": member})


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (b"", "control_file_not_json", {"line": 1, "column": 1}),
        (b'{"rows":\n}', "control_file_not_json", {"line": 2}),
        (b"[]", "control_file_not_object", {"value": "an array"}),
        (b"null", "control_file_not_object", {"value": "null"}),
        (b'{"rows": \xff}', "control_file_not_utf8", {"byte": 9}),
        ('{"rows": 1}'.encode("utf-16"), "control_file_not_utf8", {"byte": 0}),
        (b"[" * 200_000, "control_file_nested_too_deep", {}),
        (b'{"a":' * 200_000, "control_file_nested_too_deep", {}),
        (b'{"rows": ' + b"9" * 5_000 + b"}", "control_file_number_too_long", {}),
        (b" " * (MAX_CONTROL_FILE_BYTES + 1), "control_file_too_large", {"limit": MAX_CONTROL_FILE_BYTES}),
    ],
    ids=["empty", "cut", "list", "null", "latin", "utf16", "deep list", "deep object", "long number", "too large"],
)
def test_what_is_no_control_file_is_refused_with_the_reason(text: bytes, code: str, place: dict[str, object]) -> None:
    """Whatever was delivered, the answer is a reason and no crash."""
    refusal = refusal_of(text)

    assert refusal.code == code
    assert place.items() <= refusal.parameters.items()


@pytest.mark.parametrize("currency", ["\ud800", "\0", "E\nR"])
def test_a_currency_that_cannot_be_shown_is_refused(currency: str) -> None:
    """Such a name would break what is written about it."""
    totals_ = {currency: {"amount_minor": 1, "fee_minor": 1}}

    assert refusal_of(a_control_file(totals=totals_)).code == "currency_unprintable"


def test_a_control_file_of_very_many_members_is_read_at_once() -> None:
    """Looking for doubled members takes time in proportion to their number."""
    document = a_control_document(**{f"extra {n}": n for n in range(100_000)})

    read = parse_control_file(json.dumps(document).encode(), total_columns=COLUMNS)

    assert read.rows == document["rows"]


@given(text=st.binary(max_size=60))
def test_any_bytes_are_either_read_or_refused(text: bytes) -> None:
    """No delivered bytes raise anything else."""
    assert refusal_of(text)


def test_a_control_file_that_speaks_of_this_delivery_has_no_disagreement() -> None:
    """Date, source and bytes are all the same."""
    declaration = parse_control_file(a_control_file(), total_columns=COLUMNS)

    assert find_disagreements(declaration, business_date=DAY, source="visa", sha256="ab" * 32) == []


@pytest.mark.parametrize(
    ("member", "value"), [("business_date", "2026-11-19"), ("source", "amex"), ("sha256", "0f" * 32)]
)
def test_a_control_file_of_another_delivery_names_what_differs(member: str, value: str) -> None:
    """Each of the three is held against the delivery beside it."""
    declaration = parse_control_file(a_control_file(**{member: value}), total_columns=COLUMNS)

    found = find_disagreements(declaration, business_date=DAY, source="visa", sha256="ab" * 32)

    assert [reason.code for reason in found] == ["declared_differs"]
    assert (found[0].parameters["field"], found[0].parameters["declared"]) == (member, repr(value[:12]))


NUMBER = 4111111111111111
SPELLINGS = [str(NUMBER), "4111-1111-1111-1111", "4111\u00a01111\u00a01111\u00a01111", "4111\u202f1111\u20101111 1111"]
SUMS = {"amount_minor": 1, "fee_minor": 2}


def digits_of(text: str) -> str:
    """Nothing but the digits of a text, whatever stands between them."""
    return "".join(c for c in text if c.isdigit())


SPOILED: dict[str, Callable[[str], bytes]] = {
    "as a currency": lambda n: a_control_file(totals={n: SUMS}),
    "as a currency without sums": lambda n: a_control_file(totals={n: 7}),
    "within a currency": lambda n: a_control_file(totals={f"EUR {n}": SUMS}),
    "as a member": lambda n: a_control_file(**{n: 1}),
    "as a doubled member": lambda n: json.dumps({n: 1, "@": 2}).replace("@", json.dumps(n)[1:-1]).encode(),
    "within a doubled member": lambda n: json.dumps({f"x{n}": 1, "@": 2}).replace("@", f"x{n}").encode(),
    "as rows in text": lambda n: a_control_file(rows=n),
    "as totals": lambda n: a_control_file(totals=n),
    "as a sum in text": lambda n: a_control_file(totals={"EUR": SUMS | {"fee_minor": n}}),
    "as rows": lambda _: a_control_file(rows=NUMBER),
    "as negative rows": lambda _: a_control_file(rows=-NUMBER),
    "as rows of a fraction": lambda _: a_control_file(rows=float(NUMBER)),
    "as rows digit by digit": lambda _: a_control_file(rows=[int(d) for d in str(NUMBER)]),
    "as a source": lambda _: a_control_file(source=NUMBER),
    "as a sha256 in halves": lambda n: a_control_file(sha256=[n[:8], n[8:]]),
}


@pytest.mark.parametrize("text", SPELLINGS, ids=["bare", "hyphens", "no-break spaces", "mixed"])
@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED.keys())
def test_a_refusal_never_shows_a_card_number(spoil: Callable[[str], bytes], text: str) -> None:
    """Wherever a provider puts one, and however it is spelled: neither in the sentence nor in a parameter."""
    refusal = refusal_of(spoil(text))

    assert str(NUMBER)[:8] not in digits_of(refusal)
    assert str(NUMBER)[:8] not in digits_of(json.dumps(dict(refusal.parameters)))


@pytest.mark.parametrize("text", SPELLINGS)
@pytest.mark.parametrize("member", ["business_date", "source", "sha256"])
def test_a_disagreement_never_shows_a_card_number(member: str, text: str) -> None:
    """Not even its first digits."""
    declaration = parse_control_file(a_control_file(**{member: f"{text}ab"}), total_columns=COLUMNS)

    (found,) = find_disagreements(declaration, business_date=DAY, source="visa", sha256="ab" * 32)

    assert member in found
    assert "4111" not in digits_of(found)


@pytest.mark.parametrize(
    ("declared", "measured"),
    [
        ({"EUR": {"fee_minor": NUMBER}}, {"EUR": {"fee_minor": 5}}),
        ({"EUR": {"fee_minor": 5}}, {"EUR": {"fee_minor": NUMBER}}),
        ({"EUR": {"fee_minor": 5}}, {"EUR": {"fee_minor": NUMBER + 5}}),
        ({"EUR": {"fee_minor": 5}}, {"EUR": {"fee_minor": 5 - NUMBER}}),
        ({"EUR": {"fee_minor": NUMBER * 10**6}}, {"EUR": {"fee_minor": 0}}),
        ({str(NUMBER): {"fee_minor": 1}}, {}),
        ({}, {"4111-1111 1111.1111": {"fee_minor": 1}}),
    ],
)
def test_a_difference_of_totals_never_shows_a_card_number(declared: Totals, measured: Totals) -> None:
    """Nor two numbers that give a third."""
    (found,) = compare_totals(declared, measured)

    assert "4111" not in digits_of(found)


def test_large_totals_that_are_no_card_numbers_are_shown() -> None:
    """A billion in minor units has as many digits as a card number."""
    (found,) = compare_totals({"IDR": {"fee_minor": NUMBER + 1}}, {"IDR": {"fee_minor": NUMBER + 2}})

    assert found == "IDR fee_minor: declared 4,111,111,111,111,112, measured 4,111,111,111,111,113 (off by +1)"
