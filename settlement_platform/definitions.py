"""The code location that Dagster loads."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_duckdb import DuckDBResource

from settlement_platform.catalog import load_catalog
from settlement_platform.orchestration.assembly import assemble
from settlement_platform.orchestration.resources import PlatformResource
from settlement_platform.pipeline.backfills.plan import recorded_date_bytes
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.engines.duckdb_engine import UNSIGNED_ALLOWED

if TYPE_CHECKING:
    from collections.abc import Mapping


def platform_resource(settings: Settings) -> PlatformResource:
    """Return the resource for this installation's stores, with S3's only where a store is a bucket."""
    duckdb = DuckDBResource(database=":memory:", connection_config=UNSIGNED_ALLOWED)
    addresses: Mapping[str, Any] = {
        "home": str(settings.home),
        "landing_url": settings.landing_url,
        "staging_url": settings.staging_url,
        "lake_url": settings.lake_url,
        "catalog_url": _database(settings, "SETTLEMENT_CATALOG_URL", settings.catalog_url),
        "ledger_url": _database(settings, "SETTLEMENT_LEDGER_URL", settings.ledger_url),
        "first_date": settings.first_date.isoformat(),
    }
    if not settings.uses_s3:
        return PlatformResource(duckdb=duckdb, **addresses)
    from dagster_aws.s3 import S3Resource  # noqa: PLC0415 - loads boto3, half a second that local stores do not need

    from settlement_platform.orchestration.s3_resources import S3PlatformResource  # noqa: PLC0415 - as above

    s3 = S3Resource(endpoint_url=settings.s3_endpoint_url, region_name=settings.s3_region)
    return S3PlatformResource(duckdb=duckdb, s3=s3, **addresses)


def _database(settings: Settings, variable: str, url: str) -> str | dg.EnvVar:
    """Return an exported address as its variable, since the launchpad shows the configuration to everyone."""
    return dg.EnvVar(variable) if variable in settings.exported_databases else url


def load_definitions(settings: Settings) -> dg.Definitions:
    """Return all definitions of this code location, for given settings."""
    catalog = load_catalog()
    return assemble(
        datasets=catalog.datasets,
        marts=catalog.marts,
        platform=platform_resource(settings),
        first_date=settings.first_date,
        alert_urls=settings.alert_urls,
        members=settings.roles,
        out_of_service=catalog.out_of_service,
        typical_bytes=recorded_date_bytes(settings.ledger_url, catalog.datasets, datetime.now(UTC)),
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions for Dagster's tools; settings are read here, not on import."""
    return load_definitions(load_settings())
