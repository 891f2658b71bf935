"""The stores behind a command, and the dates and times that it may name."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import WrongUsage
from settlement_platform.control.failures import PermanentFailure, SettlementError
from settlement_platform.pipeline.open_platform import Stores, open_ledger_alone, open_platform, open_to_read
from settlement_platform.pipeline.platform import LedgerStores, Platform
from settlement_platform.settings import EARLIEST, Settings
from settlement_platform.storage.engines.database_urls import sqlite_file
from settlement_platform.storage.engines.duckdb_engine import S3Credentials, connect_engine
from settlement_platform.storage.folders import folder_problem, make_writable
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.open import read_ledger
from settlement_platform.storage.locks import SingleProcessLocks

_EARLIER_FIRST_DATE = "Its dataset declares this first_date: begin there, or declare an earlier one."


def utc_now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def s3_credentials(settings: Settings) -> S3Credentials | None:
    """Return the credentials of the buckets, or None where no store is a bucket."""
    if not settings.uses_s3:
        return None
    from settlement_platform.storage.engines.s3_credentials import find_s3_credentials

    return find_s3_credentials(endpoint_url=settings.s3_endpoint_url, region=settings.s3_region)


@contextmanager
def open_stores(settings: Settings, *, reading: bool = False) -> Iterator[Platform]:
    """Open every store for a `with` block; with `reading`, create nothing.

    Raises:
        PermanentFailure: `reading`, and the home does not exist.
    """
    if reading:
        require_home(settings)
    else:
        make_writable(settings.home, setting="SETTLEMENT_HOME")
    open_stores = open_to_read if reading else open_platform
    connection = connect_engine()
    try:
        yield open_stores(_stores(settings), connection, clock=utc_now)
    finally:
        connection.close()


@contextmanager
def open_ledger_stores(settings: Settings, *, reading: bool = False) -> Iterator[LedgerStores]:
    """Open only the ledger for a `with` block, even if other stores fail; with `reading`, create nothing.

    Raises:
        SettlementError: it cannot be opened.
    """
    if reading:
        found = LedgerStores(
            ledger=read_ledger(settings.ledger_url, now=utc_now()),
            locks=SingleProcessLocks(),
            clock=utc_now,
            catalog=load_catalog(),
        )
    else:
        make_writable(settings.home, setting="SETTLEMENT_HOME")
        found = open_ledger_alone(_stores(settings), clock=utc_now)
    try:
        yield found
    finally:
        found.ledger.engine.dispose()


def require_home(settings: Settings) -> None:
    """Require a home to read from, unless the catalog is elsewhere.

    Raises:
        PermanentFailure: the folder is missing; most likely SETTLEMENT_HOME names a wrong one.
    """
    catalog = sqlite_file(settings.catalog_url)
    if settings.home.is_dir() or catalog is None or catalog.exists():
        return
    if any(p.is_file() for p in (settings.home, *settings.home.parents)):
        raise folder_problem(settings.home, NotADirectoryError(), setting="SETTLEMENT_HOME")
    message = f"{settings.home} does not exist."
    raise PermanentFailure(
        message, remedy="Set SETTLEMENT_HOME, or run settlement generate and settlement materialize to create it."
    )


def probe_ledger(settings: Settings, question: Callable[[Ledger], bool]) -> bool:
    """Return the ledger's answer to a yes/no question, or False if it cannot be read."""
    with suppress(SettlementError):
        return question(read_ledger(settings.ledger_url, now=utc_now()))
    return False


def _stores(settings: Settings) -> Stores:
    return Stores(
        home=settings.home,
        landing_url=settings.landing_url,
        staging_url=settings.staging_url,
        lake_url=settings.lake_url,
        catalog_url=settings.catalog_url,
        ledger_url=settings.ledger_url,
        catalog=load_catalog(),
        first_date=settings.first_date,
        s3=s3_credentials(settings),
        members=settings.roles,
    )


def first_business_date(settings: Settings, name: str) -> date:
    """Return the first business date of a dataset or a mart; the installation's for any other name."""
    return load_catalog().first_date_of(name, settings.first_date)


def date_bounds(
    settings: Settings, first: datetime | None, last: datetime | None, *, name: str = ""
) -> tuple[date, date]:
    """Return a range of business dates of a dataset or a mart, by default all up to yesterday.

    Raises:
        WrongUsage: the range ends before it begins, or a date is out of bounds.
    """
    for given in filter(None, (first, last)):
        require_inspectable_date(given.date())
    begin = first.date() if first else first_business_date(settings, name)
    end = last.date() if last else max(begin, utc_now().date() - timedelta(days=1))
    require_ordered_range(begin, end)
    return begin, end


def require_partitions(settings: Settings, name: str, first: date, last: date) -> None:
    """Require that each date of a range of a dataset or a mart can be run.

    Raises:
        WrongUsage: a date is before the first business date, or in the future.
    """
    earliest = first_business_date(settings, name)
    if first < earliest:
        message = f"{first} is before the first business date, {earliest}."
        remedy = "Set SETTLEMENT_FIRST_DATE to an earlier date."
        if earliest > settings.first_date:
            message, remedy = f"{first} is before the first business date of {name}, {earliest}.", _EARLIER_FIRST_DATE
        raise WrongUsage(message, remedy=remedy)
    if last > utc_now().date():
        message = f"{last} is in the future."
        raise WrongUsage(message, remedy="End the range today or earlier.")


def require_ordered_range(first: date, last: date) -> None:
    """Require that a range has a date.

    Raises:
        WrongUsage: the range ends before it begins.
    """
    if last < first:
        message = f"--to {last} is before --from {first}."
        raise WrongUsage(message, remedy="Swap them.")


def require_inspectable_date(day: date) -> None:
    """Require a date that reading commands can show.

    Raises:
        WrongUsage: the date is before 1970, or after tomorrow in UTC.
    """
    latest = utc_now().date() + timedelta(days=1)
    if not EARLIEST <= day <= latest:
        message = f"{day} is out of range."
        raise WrongUsage(message, remedy=f"Give a date from {EARLIEST} to {latest}, which is tomorrow in UTC.")


def parse_moment(text: str, option: str) -> datetime:
    """Return a time of the command line in UTC; one without an offset counts as UTC.

    Raises:
        WrongUsage: the text is not an ISO 8601 time.
    """
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        message = f"{option} {text!r} is not a time."
        raise WrongUsage(message, remedy="Write it as 2026-01-31T04:00:00Z.") from None
