"""The bare script: the work of a careful person without a platform, one business date after the other."""

import os
import sys
from pathlib import Path

import duckdb

COLUMNS = {
    "transaction_id": "VARCHAR",
    "network": "VARCHAR",
    "merchant_id": "VARCHAR",
    "card_token": "VARCHAR",
    "currency": "VARCHAR",
    "amount_minor": "BIGINT",
    "fee_minor": "BIGINT",
    "transaction_type": "VARCHAR",
    "authorized_at": "TIMESTAMPTZ",
    "settled_at": "TIMESTAMPTZ",
    "business_date": "DATE",
}
HIGHEST_NULL_RATE = 0.01


def stage(landing: Path, day: str, staging: Path) -> Path:
    """Convert CSV to Parquet, under a temporary name first."""
    target = staging / f"{day}.parquet"
    draft = target.with_suffix(".tmp")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (FROM read_csv('{landing / day}/*/cards.csv', header = true, auto_detect = false, delim = ',', "
            f"quote = '\"', columns = {COLUMNS})) TO '{draft}' (FORMAT parquet)"
        )
    os.replace(draft, target)  # noqa: PTH105 - what such a script does
    return target


def validate(day: str, staged: Path) -> None:
    """Check rows, keys, dates and nulls."""
    nulls = ", ".join(f"count(*) - count({name})" for name in COLUMNS)
    with duckdb.connect() as connection:
        row = connection.execute(
            f"SELECT count(*), count(DISTINCT transaction_id), count(*) FILTER (business_date <> DATE '{day}'), "
            f"{nulls} "
            f"FROM read_parquet('{staged}')"
        ).fetchone()
    assert row is not None
    rows, distinct, foreign, *empty = row
    if not rows or distinct != rows or foreign or max(empty) / rows >= HIGHEST_NULL_RATE:
        message = f"{day}: {rows} rows, {distinct} keys, {foreign} of another date, {empty} nulls"
        raise SystemExit(message)


def publish(day: str, staged: Path, warehouse: Path) -> None:
    """Replace the date in the warehouse table and note it, in one transaction."""
    declared = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(f"CREATE TABLE IF NOT EXISTS card_settlements ({declared})")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS watermark (business_date DATE PRIMARY KEY, rows BIGINT, amount_minor HUGEINT)"
        )
        connection.execute("BEGIN")
        connection.execute(f"DELETE FROM card_settlements WHERE business_date = DATE '{day}'")
        connection.execute(f"INSERT INTO card_settlements SELECT {', '.join(COLUMNS)} FROM read_parquet('{staged}')")
        connection.execute(
            "INSERT OR REPLACE INTO watermark SELECT business_date, count(*), sum(amount_minor) FROM card_settlements "
            f"WHERE business_date = DATE '{day}' GROUP BY business_date"
        )
        connection.execute("COMMIT")


def main() -> None:
    """Run every date in a landing folder: `plain_script LANDING OUT`."""
    landing, out = Path(sys.argv[1]), Path(sys.argv[2])
    (out / "staging").mkdir(parents=True)
    for day in sorted(p.name for p in landing.iterdir()):
        staged = stage(landing, day, out / "staging")
        validate(day, staged)
        publish(day, staged, out / "warehouse.duckdb")


if __name__ == "__main__":
    main()
