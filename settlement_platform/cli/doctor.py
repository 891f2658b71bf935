"""`settlement doctor`: what is set, what answers, and what to mend."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version

import duckdb
from rich.text import Text

from settlement_platform.cli.failing import DONE, UNEXPECTED
from settlement_platform.cli.output import out, print_json, table
from settlement_platform.cli.stores import opened, s3_access, utc_now
from settlement_platform.control.failures import SettlementError
from settlement_platform.pipeline.code_version import code_version
from settlement_platform.settings import PROJECT, Settings, load_settings
from settlement_platform.storage.engine import EXTENSIONS, connect, load_extension

LOWEST_FREE_BYTES = 2 * 1024**3


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at: whether it is well, what was seen, and what to do if it is not."""

    subject: str
    well: bool
    seen: str
    remedy: str = ""


def run_doctor(*, json: bool) -> int:
    """Look at everything; exits 1 when something has to be mended."""
    settings = load_settings()
    found = list(examine(settings))
    if json:
        print_json({"findings": [vars(f) for f in found], "well": all(f.well for f in found)})
    else:
        rows = [
            (
                Text("ok" if f.well else "mend", style="green" if f.well else "bold red"),
                f.subject,
                f.seen,
                f.remedy,
            )
            for f in found
        ]
        out.print(table(("", "what", "seen", "remedy"), rows))
    return DONE if all(f.well for f in found) else UNEXPECTED


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order in which things depend on each other."""
    yield Finding(subject="python", well=True, seen=sys.version.split()[0])
    yield Finding(subject="code", well=True, seen=code_version())
    yield _versions()
    yield _attempted("extensions", _extensions, "Install the pinned packages again: make setup.")
    yield Finding(subject="SETTLEMENT_HOME", well=True, seen=str(settings.home))
    yield _disk(settings)
    yield _dagster(settings)
    if settings.uses_s3:
        yield _attempted("S3 credentials", lambda: _s3(settings), "Set the credentials as boto3 reads them.")
    yield _attempted("stores", lambda: _stores(settings), "Read the message: it names the store and the remedy.")


def _versions() -> Finding:
    wanted = {name: version(name) for name in ("dagster", "pandera", "sqlalchemy", "obstore")}
    seen = ", ".join(f"{name} {found}" for name, found in {"duckdb": duckdb.__version__, **wanted}.items())
    return Finding(subject="packages", well=True, seen=seen)


def _attempted(subject: str, look: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(subject=subject, well=True, seen=look())
    except SettlementError as error:
        return Finding(subject=subject, well=False, seen=error.message, remedy=error.remedy or remedy)


def _extensions() -> str:
    connection = connect()
    try:
        for name in EXTENSIONS:
            load_extension(connection, name)
    finally:
        connection.close()
    return ", ".join(EXTENSIONS)


def _disk(settings: Settings) -> Finding:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    seen = f"{free / 1e9:,.1f} GB free"
    return Finding(
        subject="disk",
        well=free > LOWEST_FREE_BYTES,
        seen=seen,
        remedy="" if free > LOWEST_FREE_BYTES else "Make room; staging needs it.",
    )


def _dagster(settings: Settings) -> Finding:
    home = settings.dagster_home
    config = home / "dagster.yaml"
    if config.exists() or not settings.dagster_home_exported:
        return Finding(subject="DAGSTER_HOME", well=True, seen=str(home))
    remedy = f"Copy {PROJECT / 'dagster.yaml'} into it, or do not export DAGSTER_HOME."
    return Finding(subject="DAGSTER_HOME", well=False, seen=f"{home} has no dagster.yaml", remedy=remedy)


def _s3(settings: Settings) -> str:
    access = s3_access(settings)
    return f"key {access.key_id[:4]}…, {access.endpoint_url or access.region}" if access else "none"


def _stores(settings: Settings) -> str:
    with opened(settings) as platform:
        platform.landing.list_date(utc_now().date())
        return f"landing {settings.landing_url}; lake {settings.lake_url}; ledger and catalog answer"
