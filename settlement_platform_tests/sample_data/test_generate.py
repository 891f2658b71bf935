"""Generated deliveries keep the contract of the landing zone and repeat byte for byte."""

import os
import re
from collections import Counter
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from stdnum import luhn

from settlement_platform.sample_data.generate import generate
from settlement_platform_tests.deliveries import COLUMNS
from settlement_platform_tests.sample_data.landed_files import Landed, digests, read_landed

FIRST = date(2026, 1, 1)
TYPES = {"sale", "refund", "chargeback", "chargeback_reversal", "fee", "adjustment"}


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A week of 4,000 rows a date."""
    landing = tmp_path_factory.mktemp("week")
    generate(landing, first=FIRST, days=7, rows=4_000)
    return landing


@pytest.fixture(scope="module")
def landed(week: Path) -> list[Landed]:
    """All 21 deliveries of the week."""
    return [read_landed(path) for path in sorted(week.glob("*/*/cards.csv"))]


def test_every_date_and_source_gets_a_data_file_and_a_control_file_and_nothing_else(week: Path) -> None:
    """The landing zone holds exactly the pairs of the contract."""
    dates = [(FIRST + timedelta(days=number)).isoformat() for number in range(7)]

    names = set(digests(week))

    assert names == {
        f"{day}/{source}/{name}"
        for day in dates
        for source in ("visa", "mastercard", "amex")
        for name in ("cards.csv", "cards.control.json")
    }


def test_rows_of_a_date_are_exactly_those_requested(landed: list[Landed]) -> None:
    """The sources share the number out without a remainder, on every weekday."""
    by_date = Counter()

    for file in landed:
        by_date[file.business_date] += len(file.rows)

    assert set(by_date.values()) == {4_000}


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 10])
def test_a_handful_of_rows_is_shared_out_exactly_too(tmp_path: Path, rows: int) -> None:
    """Small numbers lose nothing to rounding."""
    summary = generate(tmp_path, first=FIRST, days=1, rows=rows)

    assert summary.rows == rows


def test_a_control_file_declares_what_the_csv_module_finds(landed: list[Landed]) -> None:
    """Date, source, checksum, rows and totals per currency agree with an independent reading."""
    for file in landed:
        declared = file.control

        assert declared == {
            "business_date": file.business_date,
            "source": file.source,
            "sha256": file.sha256,
            "rows": len(file.rows),
            "totals": file.totals,
        }


def test_rows_have_the_columns_of_the_contract_and_no_empty_field(landed: list[Landed]) -> None:
    """Eleven columns, each with a value."""
    for file in landed:
        assert all(tuple(row) == COLUMNS and all(row.values()) for row in file.rows)


def test_rows_belong_to_their_folder(landed: list[Landed]) -> None:
    """Network and business date are those of the path."""
    for file in landed:
        belongs = {(row["network"], row["business_date"]) for row in file.rows}

        assert belongs == {(file.source, file.business_date)}


def test_transaction_ids_are_unique_over_sources_and_dates(landed: list[Landed]) -> None:
    """The key holds over the whole week."""
    ids = [row["transaction_id"] for file in landed for row in file.rows]

    assert len(ids) == len(set(ids)) == 28_000
    assert all(re.fullmatch(r"(vi|mc|ax)2026010[1-7]-\d{9}", one) for one in ids)


def test_rows_stand_in_the_order_of_their_ids(landed: list[Landed]) -> None:
    """Threads never change the order of a file."""
    for file in landed:
        ids = [row["transaction_id"] for row in file.rows]

        assert ids == sorted(ids)


def test_amounts_are_integers_with_the_sign_of_their_type(landed: list[Landed]) -> None:
    """A sale or a won chargeback is not negative, a refund or a chargeback not positive."""
    for row in (row for file in landed for row in file.rows):
        amount, kind = row["amount_minor"], row["transaction_type"]

        assert re.fullmatch(r"-?[0-9]+", amount)
        assert re.fullmatch(r"-?[0-9]+", row["fee_minor"])
        assert int(amount) >= 0 or kind not in {"sale", "chargeback_reversal"}
        assert int(amount) <= 0 or kind not in {"refund", "chargeback"}


def test_every_type_and_currency_occurs_and_kuwaiti_amounts_are_payable(landed: list[Landed]) -> None:
    """A week shows all six types and five currencies with three different exponents."""
    rows = [row for file in landed for row in file.rows]

    kuwaiti = [int(row["amount_minor"]) for row in rows if row["currency"] == "KWD"]

    assert {row["transaction_type"] for row in rows} == TYPES
    assert {row["currency"] for row in rows} == {"EUR", "USD", "GBP", "JPY", "KWD"}
    assert sum(amount % 5 == 0 for amount in kuwaiti) > 0.9 * len(kuwaiti)


def test_no_field_holds_a_card_number(landed: list[Landed]) -> None:
    """No value, spaces and hyphens aside, is a Luhn-valid number of 13 to 19 digits."""
    for row in (row for file in landed for row in file.rows):
        for value in row.values():
            digits = re.sub(r"[ -]", "", value)

            assert not (re.fullmatch(r"[0-9]{13,19}", digits) and luhn.is_valid(digits))


def test_times_are_utc_and_settlement_follows_authorization(landed: list[Landed]) -> None:
    """Seconds with Z; settled on the business date; sales authorized at most three days before."""
    for row in (row for file in landed for row in file.rows):
        business_date = date.fromisoformat(row["business_date"])

        authorized = datetime.strptime(row["authorized_at"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - Z is checked
        settled = datetime.strptime(row["settled_at"], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 - as above

        assert authorized < settled
        assert settled.date() == business_date
        if row["transaction_type"] == "sale":
            assert business_date - timedelta(days=3) <= authorized.date() <= business_date


def test_networks_share_about_half_a_third_and_a_sixth(landed: list[Landed]) -> None:
    """Visa has about 50%, Mastercard 35%, American Express 15%."""
    rows = Counter()

    for file in landed:
        rows[file.source] += len(file.rows)

    assert rows["visa"] / rows.total() == pytest.approx(0.50, abs=0.03)
    assert rows["mastercard"] / rows.total() == pytest.approx(0.35, abs=0.03)
    assert rows["amex"] / rows.total() == pytest.approx(0.15, abs=0.03)


def test_merchants_are_skewed(landed: list[Landed]) -> None:
    """The ten largest merchants have over a fifth of the rows, the smaller half under a fifth."""
    merchants = Counter(row["merchant_id"] for file in landed for row in file.rows)

    largest = sum(rows for _, rows in merchants.most_common(10))
    smaller_half = sum(rows for _, rows in merchants.most_common()[len(merchants) // 2 :])

    assert largest > 0.2 * merchants.total()
    assert smaller_half < 0.2 * merchants.total()


def test_a_chargeback_repeats_its_original_sale(tmp_path: Path, week: Path) -> None:
    """The sale on an earlier date has the same merchant, card, currency and time, and the opposite amount."""
    chargebacks = [
        row
        for row in read_landed(week / "2026-01-07" / "visa" / "cards.csv").rows
        if row["transaction_type"] == "chargeback"
    ][:3]
    shared = ("merchant_id", "card_token", "currency", "authorized_at")

    for chargeback in chargebacks:
        authorized = date.fromisoformat(chargeback["authorized_at"][:10])
        generate(tmp_path, first=authorized, days=4, rows=4_000)
        originals = [
            row
            for path in tmp_path.glob("*/visa/cards.csv")
            for row in read_landed(path).rows
            if all(row[name] == chargeback[name] for name in shared)
        ]

        assert [(row["transaction_type"], int(row["amount_minor"])) for row in originals] == [
            ("sale", -int(chargeback["amount_minor"]))
        ]

    assert len(chargebacks) == 3


def test_a_second_call_writes_the_same_bytes(tmp_path: Path, week: Path) -> None:
    """The seed decides everything."""
    generate(tmp_path, first=FIRST, days=7, rows=4_000)

    assert digests(tmp_path) == digests(week)


def test_a_date_does_not_depend_on_the_other_dates_of_the_call(tmp_path: Path, week: Path) -> None:
    """One date alone equals the same date within a week."""
    generate(tmp_path, first=date(2026, 1, 5), days=1, rows=4_000)

    alone = digests(tmp_path)

    assert alone == {name: digest for name, digest in digests(week).items() if name.startswith("2026-01-05/")}


def test_the_bytes_of_a_file_stay_the_same_over_releases(tmp_path: Path) -> None:
    """A changed digest means that benchmarks and demonstrations no longer compare with earlier ones."""
    summary = generate(tmp_path, first=FIRST, days=1, rows=1_000)

    found = {delivery.key: delivery.sha256[:16] for delivery in summary.deliveries}

    assert found == {
        "2026-01-01/visa/cards.csv": "064283e0731257eb",
        "2026-01-01/mastercard/cards.csv": "366c7398687f1229",
        "2026-01-01/amex/cards.csv": "1f00a1ca4ba37bc7",
    }


def test_another_seed_gives_other_transactions(tmp_path: Path, week: Path) -> None:
    """No file of another seed equals one of the week."""
    generate(tmp_path, first=FIRST, days=1, rows=4_000, seed=8)

    assert not set(digests(tmp_path).values()) & set(digests(week).values())


def test_a_seasonal_series_has_fewer_rows_on_sunday_than_on_friday(tmp_path: Path) -> None:
    """The number of rows follows the weekday and keeps its average over the week."""
    summary = generate(tmp_path, first=FIRST, days=7, rows=1_000, seasonal=True)

    by_date = Counter()
    for delivery in summary.deliveries:
        by_date[delivery.key[:10]] += delivery.rows

    assert by_date["2026-01-02"] == 1_160
    assert by_date["2026-01-04"] == 730
    assert by_date.total() == 7_000


def test_no_rows_give_files_with_a_header_only(tmp_path: Path) -> None:
    """Nothing settled is a valid delivery."""
    generate(tmp_path, first=FIRST, days=1, rows=0)

    file = read_landed(tmp_path / "2026-01-01" / "visa" / "cards.csv")

    assert (tmp_path / "2026-01-01" / "visa" / "cards.csv").read_text() == ",".join(COLUMNS) + "\n"
    assert (file.control["rows"], file.control["totals"]) == (0, {})


def test_a_control_file_is_never_older_than_its_data_file(week: Path) -> None:
    """A data file that is newer would count as still on its way."""
    for control in week.glob("*/*/cards.control.json"):
        data = control.with_name("cards.csv")

        assert control.stat().st_mtime_ns >= data.stat().st_mtime_ns


def test_a_folder_with_pattern_characters_in_its_name_works(tmp_path: Path) -> None:
    """Brackets, stars and question marks in a path are ordinary characters."""
    landing = tmp_path / "a[1]*b?'c"

    summary = generate(landing, first=FIRST, days=1, rows=20)

    assert summary.rows == 20


def test_a_relative_folder_works_and_nothing_else_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine leaves no temporary folder behind in the working directory."""
    monkeypatch.chdir(tmp_path)

    generate(Path("landing"), first=FIRST, days=1, rows=20)

    assert os.listdir(tmp_path) == ["landing"]  # noqa: PTH208 - names are what is asked


def test_progress_is_reported_once_a_date_in_order(tmp_path: Path) -> None:
    """The caller can draw a progress bar."""
    shown = []

    generate(tmp_path, first=FIRST, days=3, rows=5, on_date=shown.append)

    assert shown == [date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)]


@pytest.mark.parametrize(
    ("arguments", "remedy"),
    [
        ({"days": 0}, "days must be at least 1"),
        ({"rows": -1}, "0 writes files with only a header"),
        ({"rows": 50_000_001}, "rows must be 0 to 50000000"),
        ({"first": date(1970, 12, 31)}, "choose another first date"),
        ({"first": date(9999, 12, 31), "days": 2}, "choose another first date"),
    ],
)
def test_a_number_out_of_range_is_refused_with_a_remedy_and_nothing_is_written(
    tmp_path: Path, arguments: dict[str, Any], remedy: str
) -> None:
    """The message says what would change it."""
    with pytest.raises(ValueError, match=remedy):
        generate(tmp_path / "landing", **{"first": FIRST, "days": 1, "rows": 1} | arguments)

    assert not (tmp_path / "landing").exists()
