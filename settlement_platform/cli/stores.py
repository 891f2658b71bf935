"""The stores behind a command, opened from the settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

from settlement_platform.cli.failing import WrongUsage
from settlement_platform.pipeline.opening import Stores, open_platform
from settlement_platform.pipeline.platform import Platform
from settlement_platform.settings import Settings
from settlement_platform.storage.engine import S3Access, connect


def utc_now() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def s3_access(settings: Settings) -> S3Access | None:
    """Credentials, if any store is a bucket."""
    if not settings.uses_s3:
        return None
    from settlement_platform.storage.s3_access import find_s3_access

    return find_s3_access(endpoint_url=settings.s3_endpoint_url, region=settings.s3_region)


@contextmanager
def opened(settings: Settings) -> Iterator[Platform]:
    """Every store, for the length of a `with` block."""
    stores = Stores(
        home=settings.home,
        landing_url=settings.landing_url,
        staging_url=settings.staging_url,
        lake_url=settings.lake_url,
        catalog_url=settings.catalog_url,
        ledger_url=settings.ledger_url,
        first_date=settings.first_date,
        s3=s3_access(settings),
        members=settings.roles,
    )
    connection = connect()
    try:
        yield open_platform(stores, connection, clock=utc_now)
    finally:
        connection.close()


def date_bounds(settings: Settings, first: datetime | None, last: datetime | None) -> tuple[date, date]:
    """A range of business dates, by default all of them up to yesterday.

    Raises:
        WrongUsage: it ends before it begins.
    """
    begin = first.date() if first else settings.first_date
    end = last.date() if last else max(begin, utc_now().date() - timedelta(days=1))
    if end < begin:
        message = f"The range ends on {end}, before it begins on {begin}."
        raise WrongUsage(message, remedy="Give the earlier date with --from.")
    return begin, end


def parse_moment(text: str, option: str) -> datetime:
    """A moment from the command line; without an offset it is UTC.

    Raises:
        WrongUsage: it is no ISO 8601 time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = f"{option} {text!r} is no time."
        raise WrongUsage(message, remedy="Write it as 2026-01-31T04:00:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
