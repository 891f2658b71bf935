"""One day on grown-up stores: files, staging and lake in S3, catalog and ledger in PostgreSQL."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from settlement_platform.sample_data.follow_ups import deliver_correction
from settlement_platform.storage.lake.open import attach_lake
from settlement_platform.storage.landing.upload import upload
from settlement_platform_tests.cli.command import Shell
from settlement_platform_tests.servers import PostgresServer, S3Server
from settlement_platform_tests.storage.lakes import engine


def _sums(shell: Shell) -> Sequence[Sequence[Any]]:
    """The rows and sums that a fresh process reads of every date, down to the last value."""
    query = """
        SELECT business_date, count(*), max(p.generation), sum(net_minor), bit_xor(hash(c.merchant_id)), max(p.rows)
        FROM published.card_settlements c JOIN (
            SELECT business_date, max(generation) AS generation, max(rows) AS rows FROM published.publications
            WHERE dataset = 'card_settlements' GROUP BY ALL
        ) p USING (business_date) GROUP BY ALL ORDER BY ALL
    """
    return shell.rows_of(query)


def _clean_up(catalog_url: str, data_url: str, s3: S3Server) -> None:
    """Reclaim room as an administrator does: forget the past, and remove the files that only it needed."""
    with engine(catalog_url, s3.access) as connection:
        attach_lake(connection, catalog_url=catalog_url, data_url=data_url)
        connection.execute("CALL ducklake_expire_snapshots('lake', older_than => now())")
        assert connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)").fetchall()


def test_a_day_is_published_from_a_bucket_into_a_bucket(tmp_path: Path, postgres: PostgresServer, s3: S3Server) -> None:
    """Dates are generated, published, queried and corrected without a local store."""
    prefix = s3.new_prefix()
    url = postgres.new_database()
    exported = {
        "SETTLEMENT_LANDING_URL": f"{prefix}/raw",
        "SETTLEMENT_STAGING_URL": f"{prefix}/staging",
        "SETTLEMENT_LAKE_URL": f"{prefix}/lake",
        "SETTLEMENT_CATALOG_URL": url,
        "SETTLEMENT_LEDGER_URL": url,
        "SETTLEMENT_S3_ENDPOINT_URL": str(s3.access.endpoint_url),
        "AWS_ACCESS_KEY_ID": s3.access.key_id,
        "AWS_SECRET_ACCESS_KEY": s3.access.secret,
        "AWS_REGION": s3.access.region,
    }
    shell = Shell(home=tmp_path, exported=tuple(exported.items()))

    shell("generate", "--days", "3", "--rows", "3000", "--corrupt", "2026-01-03")
    ran = shell("materialize", "card_settlements", "--from", "2026-01-01", "--to", "2026-01-03", "--json").json
    dates = shell("partitions", "card_settlements", "--to", "2026-01-03", "--json").json["partitions"]
    rows = shell.rows_of("select count(*), min(source_row_number) from published.card_settlements")
    again = shell("materialize", "card_settlements", "--from", "2026-01-01", "--to", "2026-01-02", "--json").json
    deliver_correction(tmp_path / "correction", business_date=date(2026, 1, 2), rows=3000)
    upload(tmp_path / "correction", f"{prefix}/raw", s3.access)
    corrected = shell("materialize", "card_settlements", "--from", "2026-01-02", "--to", "2026-01-02", "--json").json
    sums = _sums(shell)
    _clean_up(url, f"{prefix}/lake", s3)
    findings = shell("doctor", "--json").json

    assert [d["state"] for d in dates] == ["final", "final", "quarantined"]
    assert {run["dataset"] for run in ran["runs"]} == {"card_settlements", "merchant_daily_net", "network_fee_summary"}
    assert rows == [[6000, 1]]
    assert {d["outcome"] for run in again["runs"] for d in run["dates"]} == {"already_published"}
    assert {d["outcome"] for run in corrected["runs"] for d in run["dates"]} == {"publish"}
    assert [row[:3] for row in sums] == [["2026-01-01", 3000, 1], ["2026-01-02", 3000, 2]]
    assert _sums(shell) == sums
    assert findings["well"], findings
    assert not list((tmp_path / "tmp").glob("*.parquet"))
