"""Checks of the stores by `settlement doctor`; they create and change nothing."""

import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.stores import probe_ledger, s3_credentials, utc_now
from settlement_platform.cli.doctor.findings import DoctorFinding, finding_from
from settlement_platform.control.failures import PermanentFailure
from settlement_platform.settings import Settings
from settlement_platform.storage.engines.database_urls import sqlite_file
from settlement_platform.storage.engines.duckdb_engine import EngineLimits, connect_engine, prepare_engine
from settlement_platform.storage.engines.sqlite_readonly import require_intact_sqlite
from settlement_platform.storage.lake.integrity import missing_files
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.lake.open import attach_existing_lake, extensions_for, missing_lake_failure
from settlement_platform.storage.lake.schema import is_current
from settlement_platform.storage.landing.object_names import describe_links, describe_unreadable_names
from settlement_platform.storage.landing.zone import LandingZone
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.ledger.open import ledger_is_current

_NOT_CREATED = "does not exist yet: created on first use"
_UPDATED_LATER = "the next command that writes will update its schema"

_RENAME_REMEDY = (
    "Rename or remove them there, and inform the provider. They are not processed; all other files are. "
    "Names must be UTF-8 without control characters."
)

_LINK_REMEDY = (
    "Put the files or folders themselves there; to have another disk in their place, mount it. "
    "SETTLEMENT_LANDING_URL itself may be a link."
)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MAX_DATES = 10


def store_findings(settings: Settings) -> Iterator[DoctorFinding]:
    """Yield the findings about landing zone, staging area, lake and ledger."""
    yield finding_from("landing zone", lambda: _landing(settings), "Set SETTLEMENT_LANDING_URL to where files land.")
    yield finding_from("staging area", lambda: _folder(settings, settings.staging_url, "SETTLEMENT_STAGING_URL"), "")
    lake = finding_from("lake", lambda: _lake(settings), "Restore a copy of the catalog and of its files.")
    yield lake
    published = lake.seen != _NOT_CREATED
    remedy = "Restore a copy, or move it away: published data stays, with the record of its sources."
    yield finding_from("ledger", lambda: _ledger(settings, published=published), remedy)


def _folder(settings: Settings, url: str, setting: str) -> str:
    """Check a folder: below the home it is created on first use; elsewhere it has to exist."""
    if url.startswith("s3://"):
        return url
    folder = Path(url)
    if folder.is_dir() and os.access(folder, os.W_OK):
        return url
    if folder.exists():
        message = f"{setting} is {folder}, which is {'not writable' if folder.is_dir() else 'a file'}."
        raise PermanentFailure(message, remedy=f"Fix its permissions, or set {setting} to another folder.")
    if folder.is_relative_to(settings.home):
        return f"{url}, {_NOT_CREATED}"
    message = f"{setting} is {folder}, which does not exist."
    raise PermanentFailure(message, remedy=f"Create or mount it, or set {setting} to another folder.")


def _landing(settings: Settings) -> str:
    seen = _folder(settings, settings.landing_url, "SETTLEMENT_LANDING_URL")
    if not seen.endswith(_NOT_CREATED) or probe_ledger(settings, Ledger.has_arrivals):
        zone = LandingZone(
            settings.landing_url,
            workspace=settings.home / "tmp",
            s3=s3_credentials(settings),
            make=False,
            was_there=True,
        )
        sources = [source for dataset in load_catalog().datasets for source in dataset.sources]
        last = max(settings.first_date, utc_now().date())
        if unreadable := zone.unreadable_names(sources, settings.first_date, last):
            message = f"{seen}: {describe_unreadable_names(unreadable)}."
            raise PermanentFailure(message, remedy=_RENAME_REMEDY)
        if links := zone.linked_names(settings.first_date, last):
            raise PermanentFailure(f"{seen}: {describe_links(links)}.", remedy=_LINK_REMEDY)
    return seen


def _lake(settings: Settings) -> str:
    _folder(settings, settings.lake_url, "SETTLEMENT_LAKE_URL")
    catalog = sqlite_file(settings.catalog_url)
    if catalog and catalog.exists():
        require_intact_sqlite(catalog)
    s3 = s3_credentials(settings)
    with closing(connect_engine()) as connection:
        extensions = extensions_for(settings.catalog_url, s3=s3 is not None)
        prepare_engine(connection, extensions=extensions, limits=EngineLimits(threads=1), s3=s3)
        lake = attach_existing_lake(connection, catalog_url=settings.catalog_url, data_url=settings.lake_url)
        if lake is None and probe_ledger(settings, Ledger.has_publications):
            raise missing_lake_failure(settings.catalog_url)
        if lake is None:
            return _NOT_CREATED
        _require_files(lake)
        current = is_current(lake.cursor(), load_catalog().published_columns)
    state = "all files exist" if current else f"all files exist; {_UPDATED_LATER}"
    return f"{settings.lake_url}: {state}"


def _require_files(lake: Lake) -> None:
    missing = missing_files(lake)
    if not missing:
        return
    count = sum(len(files) for files in missing.values())
    named = "; ".join(f"{table}: {_dates_of(files)}" for table, files in missing.items())
    message = f"Files of the lake are missing ({count:,}): {named}; the first is {next(iter(missing.values()))[0]}."
    remedy = "Restore them from a copy of the lake; until then readers of these dates get an error."
    raise PermanentFailure(message, remedy=remedy)


def _dates_of(files: list[str]) -> str:
    """Return the business dates in the files' paths as text."""
    found = sorted({day for file in files for day in _DATE.findall("/".join(file.split("/")[-2:]))})
    more = f" and {len(found) - _MAX_DATES} more" if len(found) > _MAX_DATES else ""
    return ", ".join(found[:_MAX_DATES]) + more or "unknown dates"


def _ledger(settings: Settings, *, published: bool) -> str:
    file = sqlite_file(settings.ledger_url)
    if file and file.exists():
        require_intact_sqlite(file)
    current = ledger_is_current(settings.ledger_url)
    if current is None and file and published:
        message = f"{file} is {'empty' if file.exists() else 'missing'}, but the lake exists."
        remedy = "Restore a copy. Without one, continue: only the record of arrivals and attempts is lost."
        raise PermanentFailure(message, remedy=remedy)
    if current is None:
        return _NOT_CREATED
    seen = "answers and can be read in full" if file else "answers"
    return seen if current else f"{seen}; {_UPDATED_LATER}"
