"""`settlement doctor`: checks of settings, packages, roles, disk and Dagster; stores have a module of their own."""

import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version

import duckdb
from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, UNEXPECTED
from settlement_platform.cli.console.output import escape_controls, out, print_json
from settlement_platform.cli.console.stores import s3_credentials
from settlement_platform.cli.doctor.findings import DoctorFinding, finding_from
from settlement_platform.cli.doctor.store_findings import store_findings
from settlement_platform.control.roles import ANYONE
from settlement_platform.pipeline.open_platform import code_version
from settlement_platform.settings import PROJECT, Settings, load_settings
from settlement_platform.storage.engines.duckdb_engine import EXTENSIONS, connect_engine, load_extension
from settlement_platform.storage.engines.sqlite_readonly import require_intact_sqlite
from settlement_platform.storage.folders import require_writable

_DAGSTER_REMEDY = "Restore a copy, or move it away: only Dagster's history of runs and events is lost."
_DECLARATION_REMEDY = "Correct its declaration. All others run meanwhile, and what is published of it can be read."
_SUBJECT_WIDTH = len("Dagster's databases")
MIN_FREE_BYTES = 2 * 1024**3


def run_doctor(*, json: bool) -> int:
    """Check everything and print the findings; return 1 if something has to be fixed."""
    settings = load_settings()
    found = list(examine_installation(settings))
    if json:
        print_json({"findings": [vars(f) for f in found], "well": all(f.well for f in found)})
    else:
        for finding in found:
            _print(finding)
    return DONE if all(f.well for f in found) else UNEXPECTED


def _print(finding: DoctorFinding) -> None:
    label = Text("ok ", style="green") if finding.well else Text("fix", style="bold red")
    out.print(Text.assemble(label, escape_controls(f"  {finding.subject:<{_SUBJECT_WIDTH}}  {finding.seen}")))
    if finding.remedy:
        out.print(escape_controls(f"     {'':<{_SUBJECT_WIDTH}}  {finding.remedy}"))


def examine_installation(settings: Settings) -> Iterator[DoctorFinding]:
    """Yield every finding; what others depend on comes first."""
    yield DoctorFinding(subject="python", well=True, seen=sys.version.split()[0])
    yield DoctorFinding(subject="code", well=True, seen=code_version())
    yield from _declarations()
    yield _versions()
    yield finding_from("extensions", _extensions, "Install the pinned packages again: make setup.")
    home = finding_from("SETTLEMENT_HOME", lambda: _home(settings), "Set SETTLEMENT_HOME to a folder.")
    yield home
    yield _roles(settings)
    yield _alerts(settings)
    yield _exempted_columns()
    if not home.well:
        return
    yield _disk(settings)
    yield _dagster_home(settings)
    yield finding_from("Dagster's databases", lambda: _dagster(settings), _DAGSTER_REMEDY)
    if settings.uses_s3:
        yield finding_from("S3 credentials", lambda: _s3(settings), "Set the credentials as boto3 reads them.")
    yield from store_findings(settings)


def _declarations() -> Iterator[DoctorFinding]:
    """Yield a finding for each faulty declaration, and one for all others."""
    catalog = load_catalog()
    for faulty in catalog.out_of_service:
        seen = f"{faulty.kind} {faulty.name} is {'; '.join(faulty.reasons)}"
        yield DoctorFinding(subject="declarations", well=False, seen=seen, remedy=_DECLARATION_REMEDY)
    seen = f"datasets in service: {len(catalog.datasets)}; marts in service: {len(catalog.marts)}"
    yield DoctorFinding(subject="declarations", well=True, seen=seen)


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
    return str(settings.home) if there else f"{settings.home}, does not exist yet: created on first use"


def _roles(settings: Settings) -> DoctorFinding:
    """Check that somebody has each role that a declared action needs."""
    needed = {role for declared in load_catalog().tables for role in declared.roles.needed.values()}
    nobody = sorted(role for role in needed if not settings.roles.get(role))
    seen = "; ".join(f"{role}: {_members(members)}" for role, members in sorted(settings.roles.items()))
    if nobody:
        remedy = f"Assign it, for example SETTLEMENT_ROLES='{nobody[0]}=ana,ben'."
        return DoctorFinding(
            subject="roles", well=False, seen=f"nobody has the role {', '.join(nobody)}", remedy=remedy
        )
    return DoctorFinding(subject="roles", well=True, seen=seen)


def _members(members: frozenset[str]) -> str:
    return "everyone" if ANYONE in members else ", ".join(sorted(members)) or "nobody"


def _alerts(settings: Settings) -> DoctorFinding:
    # Addresses are not shown: they contain keys.
    seen = "alerts go to the channels of SETTLEMENT_ALERT_URLS" if settings.alert_urls else "alerts go to the log"
    return DoctorFinding(subject="alerts", well=True, seen=seen)


def _exempted_columns() -> DoctorFinding:
    """Show the columns in which card numbers are not looked for, and why."""
    columns = [(table.name, column) for table in load_catalog().tables for column in table.contract.columns]
    exempted = [f"{name}.{c.name}: {c.not_card_numbers}" for name, c in columns if c.not_card_numbers]
    seen = f"not looked for in {'; '.join(exempted)}" if exempted else "looked for in every text column"
    return DoctorFinding(subject="card numbers", well=True, seen=seen)


def _disk(settings: Settings) -> DoctorFinding:
    there = next(p for p in (settings.home, *settings.home.parents) if p.exists())
    free = shutil.disk_usage(there).free
    enough = free > MIN_FREE_BYTES
    remedy = "" if enough else "Free some space: staging needs it."
    return DoctorFinding(subject="disk", well=enough, seen=f"{free / 1e9:,.1f} GB free", remedy=remedy)


def _dagster_home(settings: Settings) -> DoctorFinding:
    home = settings.dagster_home
    config = home / "dagster.yaml"
    if config.exists() or not settings.dagster_home_exported:
        return DoctorFinding(subject="DAGSTER_HOME", well=True, seen=str(home))
    remedy = f"Copy {PROJECT / 'dagster.yaml'} into it, or unset DAGSTER_HOME."
    return DoctorFinding(subject="DAGSTER_HOME", well=False, seen=f"{home} has no dagster.yaml", remedy=remedy)


def _dagster(settings: Settings) -> str:
    """Read every existing database in full, and count the instance's runs."""
    home = settings.dagster_home
    if home.exists():
        require_writable(home, setting="DAGSTER_HOME")
    files = [home / "history" / "runs.db", home / "history" / "runs" / "index.db", home / "schedules" / "schedules.db"]
    present = [file for file in files if file.exists()]
    if not (home / "dagster.yaml").exists() and not present:
        return "do not exist yet: created on first use"
    for file in present:
        require_intact_sqlite(file)
    from settlement_platform.orchestration.dagster_internals.instance import count_runs

    return f"{count_runs(home):,} runs"


def _s3(settings: Settings) -> str:
    access = s3_credentials(settings)
    return f"key {access.key_id[:4]}…, {access.endpoint_url or access.region}" if access else "none"
