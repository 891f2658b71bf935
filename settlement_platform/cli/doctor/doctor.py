"""`settlement doctor`: what is set, what answers, and what to mend."""

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version

import duckdb
from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, UNEXPECTED
from settlement_platform.cli.console.output import out, print_json, table
from settlement_platform.cli.console.stores import s3_credentials
from settlement_platform.cli.doctor.findings import DoctorFinding, finding_from
from settlement_platform.cli.doctor.store_findings import store_findings
from settlement_platform.control.roles import ANYONE
from settlement_platform.pipeline.open_platform import code_version
from settlement_platform.settings import PROJECT, Settings, load_settings
from settlement_platform.storage.engines.duckdb_engine import EXTENSIONS, connect_engine, load_extension
from settlement_platform.storage.engines.sqlite_readonly import require_intact_sqlite
from settlement_platform.storage.folders import require_writable

_DAGSTER_REMEDY = "Put back a copy, or move it away: only Dagster's own memory of runs and events is lost."


MIN_FREE_BYTES = 2 * 1024**3


def run_doctor(*, json: bool) -> int:
    """Look at everything; exits 1 when something has to be mended."""
    settings = load_settings()
    found = list(examine_installation(settings))
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


def examine_installation(settings: Settings) -> Iterator[DoctorFinding]:
    """Every finding, in the order in which things depend on each other."""
    yield DoctorFinding(subject="python", well=True, seen=sys.version.split()[0])
    yield DoctorFinding(subject="code", well=True, seen=code_version())
    yield _versions()
    yield finding_from("extensions", _extensions, "Install the pinned packages again: make setup.")
    home = finding_from("SETTLEMENT_HOME", lambda: _home(settings), "Set SETTLEMENT_HOME to a folder.")
    yield home
    yield _roles(settings)
    yield _alerts(settings)
    if not home.well:
        return
    yield _disk(settings)
    yield _dagster_home(settings)
    yield finding_from("Dagster's databases", lambda: _dagster(settings), _DAGSTER_REMEDY)
    if settings.uses_s3:
        yield finding_from("S3 credentials", lambda: _s3(settings), "Set the credentials as boto3 reads them.")
    yield from store_findings(settings)


def _versions() -> DoctorFinding:
    wanted = {name: version(name) for name in ("dagster", "pandera", "sqlalchemy", "obstore")}
    seen = ", ".join(f"{name} {found}" for name, found in {"duckdb": duckdb.__version__, **wanted}.items())
    return DoctorFinding(subject="packages", well=True, seen=seen)


def _extensions() -> str:
    connection = connect_engine()
    try:
        for name in EXTENSIONS:
            load_extension(connection, name)
    finally:
        connection.close()
    return ", ".join(EXTENSIONS)


def _home(settings: Settings) -> str:
    there = require_writable(settings.home, setting="SETTLEMENT_HOME")
    return str(settings.home) if there else f"{settings.home}, not there yet: made when it is first used"


def _roles(settings: Settings) -> DoctorFinding:
    """Whether somebody has each role that an action on a dataset or mart needs."""
    needed = {role for declared in load_catalog().tables for role in declared.roles.needed.values()}
    nobody = sorted(role for role in needed if not settings.roles.get(role))
    seen = "; ".join(f"{role}: {_members(members)}" for role, members in sorted(settings.roles.items()))
    if nobody:
        remedy = f"Give it to somebody: SETTLEMENT_ROLES='{nobody[0]}=ana,ben'."
        return DoctorFinding(subject="roles", well=False, seen=f"nobody is {', '.join(nobody)}", remedy=remedy)
    return DoctorFinding(subject="roles", well=True, seen=seen)


def _members(members: frozenset[str]) -> str:
    return "everyone" if ANYONE in members else ", ".join(sorted(members)) or "nobody"


def _alerts(settings: Settings) -> DoctorFinding:
    # Never the addresses: they hold keys.
    seen = "alerts go to the channels of SETTLEMENT_ALERT_URLS" if settings.alert_urls else "alerts go to the log"
    return DoctorFinding(subject="alerts", well=True, seen=seen)


def _disk(settings: Settings) -> DoctorFinding:
    there = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(there).free
    enough = free > MIN_FREE_BYTES
    remedy = "" if enough else "Make room; staging needs it."
    return DoctorFinding(subject="disk", well=enough, seen=f"{free / 1e9:,.1f} GB free", remedy=remedy)


def _dagster_home(settings: Settings) -> DoctorFinding:
    home = settings.dagster_home
    config = home / "dagster.yaml"
    if config.exists() or not settings.dagster_home_exported:
        return DoctorFinding(subject="DAGSTER_HOME", well=True, seen=str(home))
    remedy = f"Copy {PROJECT / 'dagster.yaml'} into it, or do not export DAGSTER_HOME."
    return DoctorFinding(subject="DAGSTER_HOME", well=False, seen=f"{home} has no dagster.yaml", remedy=remedy)


def _dagster(settings: Settings) -> str:
    """Every database that is there is read through, and the instance is asked for its runs."""
    home = settings.dagster_home
    if home.exists():
        require_writable(home, setting="DAGSTER_HOME")
    files = [home / "history" / "runs.db", home / "history" / "runs" / "index.db", home / "schedules" / "schedules.db"]
    present = [file for file in files if file.exists()]
    if not (home / "dagster.yaml").exists() and not present:
        return "not there yet: made when they are first used"
    for file in present:
        require_intact_sqlite(file)
    from settlement_platform.orchestration.dagster_internals.instance import count_runs

    return f"{count_runs(home):,} runs"


def _s3(settings: Settings) -> str:
    access = s3_credentials(settings)
    return f"key {access.key_id[:4]}…, {access.endpoint_url or access.region}" if access else "none"
