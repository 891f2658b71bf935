"""The Dagster resource for the platform's stores, built on DuckDB's own resource."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
from dagster_duckdb import DuckDBResource

from settlement_platform.catalog import load_catalog
from settlement_platform.control.failures import SettlementError, TransientFailure
from settlement_platform.pipeline.attempt_log import interruption_behind
from settlement_platform.pipeline.open_platform import Stores, open_ledger_alone, open_platform
from settlement_platform.pipeline.platform import LedgerStores, Platform
from settlement_platform.storage.engines.duckdb_engine import S3Credentials


def store_failure(error: SettlementError | dg.Failure) -> SettlementError | None:
    """Return the failure of a store behind an error; None where the program is at fault."""
    found = error.__cause__ if isinstance(error, dg.Failure) else error
    return found if isinstance(found, SettlementError) else None


class PlatformResource(dg.ConfigurableResource["PlatformResource"]):
    """The addresses of the stores, and the engine that works on them."""

    duckdb: dg.ResourceDependency[DuckDBResource]
    home: str
    landing_url: str
    staging_url: str
    lake_url: str
    catalog_url: str
    ledger_url: str
    first_date: str

    @contextmanager
    def open(self) -> Iterator[Platform]:
        """Open all stores for the length of a `with` block.

        Raises:
            TransientFailure: a store did not answer.
            dagster.Failure: any other error, from opening or from the block; it allows no retries.
        """
        try:
            with self.duckdb.get_connection() as connection, closing(connection):
                yield open_platform(self._stores(s3=self.s3_credentials()), connection, clock=lambda: datetime.now(UTC))
        except (TransientFailure, dg.Failure, dg.RetryRequested):
            raise
        except Exception as error:
            if interruption := interruption_behind(error):
                raise interruption from error
            expected = isinstance(error, SettlementError)
            description = str(error) if expected else f"{type(error).__name__}: {error}"
            raise dg.Failure(description=description, allow_retries=False) from error

    @contextmanager
    def open_ledger(self) -> Iterator[LedgerStores]:
        """Open the ledger alone for the length of a `with` block, whatever the other stores do.

        Raises:
            SettlementError: it cannot be opened.
        """
        found = open_ledger_alone(self._stores(s3=None), clock=lambda: datetime.now(UTC))
        try:
            yield found
        finally:
            found.ledger.engine.dispose()

    def s3_credentials(self) -> S3Credentials | None:
        """Return the credentials for S3: none here, where every store is local."""
        return None

    def _stores(self, *, s3: S3Credentials | None) -> Stores:
        return Stores(
            home=Path(self.home),
            landing_url=self.landing_url,
            staging_url=self.staging_url,
            lake_url=self.lake_url,
            catalog_url=self.catalog_url,
            ledger_url=self.ledger_url,
            catalog=load_catalog(),
            first_date=date.fromisoformat(self.first_date),
            s3=s3,
        )
