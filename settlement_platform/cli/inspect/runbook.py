"""`settlement runbook`: the targets of a dataset, and the commands for each incident."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from rich.text import Text

from settlement_platform.catalog import by_kind, load_catalog
from settlement_platform.cli.console.exit_codes import DONE
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import out, print_json, table
from settlement_platform.cli.console.stores import first_business_date, utc_now
from settlement_platform.control.alerts.episodes import AlertKind
from settlement_platform.control.timeliness.lateness import describe_recurring_lateness
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.settings import PROJECT, Settings, load_settings


@dataclass(frozen=True, kw_only=True)
class RunbookStep:
    """A step of an operator: when to take it, and its commands, ready to paste."""

    name: str
    when: str
    commands: tuple[str, ...]


def run_runbook(name: str | None, *, json: bool) -> int:
    """Print the runbook of one or all datasets and marts, from declarations and settings alone."""
    settings = load_settings()
    chosen = (find_declared(name),) if name else load_catalog().tables
    if json:
        print_json({"runbooks": [runbook_document(declared, settings) for declared in chosen]})
        return DONE
    for number, declared in enumerate(chosen):
        if number:
            out.print()
        _print(declared, settings)
    return DONE


def runbook_document(declared: PublishedTable, settings: Settings) -> dict[str, Any]:
    """Return one runbook as a JSON document; its commands name yesterday, or the first date after that."""
    return {
        "dataset": declared.name,
        "description": declared.description,
        **_facts(declared, settings),
        "steps": [vars(step) for step in _steps(declared, _example_date(declared, settings))],
        "alerts": {kind: str(PROJECT / "docs" / "runbooks" / f"{kind}.md") for kind in AlertKind},
    }


def _example_date(declared: PublishedTable, settings: Settings) -> date:
    return max(first_business_date(settings, declared.name), utc_now().date() - timedelta(days=1))


def _facts(declared: PublishedTable, settings: Settings) -> dict[str, Any]:
    timeliness = declared.timeliness
    days = timeliness.days_after
    after = "on the same day" if not days else "1 day after" if days == 1 else f"{days} days after"
    catalog = sa.make_url(settings.catalog_url).render_as_string(hide_password=True)
    found = {
        "owner": declared.owner,
        "criticality": declared.criticality,
        "freshness_target": f"{timeliness.target:%H:%M} UTC, {after}",
        "expected_by": f"{timeliness.expected_by:%H:%M} UTC",
        "escalation": f"{timeliness.sensor_timeout or timeliness.deadline:%H:%M} UTC",
        "deadline": f"{timeliness.deadline:%H:%M} UTC",
        "known_lateness": [describe_recurring_lateness(k) for k in timeliness.known_lateness],
        "publish_location": f"published.{declared.name}, Parquet in {settings.lake_url}, catalog {catalog}",
        "roles": list(_roles(declared, settings)),
    }
    return found | by_kind(declared, dataset=_dataset_facts, mart=lambda mart: {"built_from": list(mart.inputs)})


def _dataset_facts(dataset: Dataset) -> dict[str, Any]:
    cut = dataset.provisional
    return {
        "calendar": dataset.calendar.name,
        "sources": [s.source if s.required else f"{s.source} (optional)" for s in dataset.sources],
        "late_data": f"published provisionally with {cut.minimum_sources} or more sources" if cut else "the date waits",
        "built_from_it": [m.name for m in load_catalog().marts_of(dataset.name)],
        **({"runbook_url": dataset.runbook_url} if dataset.runbook_url else {}),
    }


def _roles(declared: PublishedTable, settings: Settings) -> Iterator[str]:
    """Yield each role with its actions and members."""
    needed = declared.roles.needed
    for role in sorted(set(needed.values())):
        members = ", ".join(sorted(settings.roles.get(role, ()))) or "nobody"
        yield f"{role} ({', '.join(a for a in needed if needed[a] == role)}): {members}"


def _steps(declared: PublishedTable, day: date) -> Iterator[RunbookStep]:
    name, week = declared.name, day - timedelta(days=6)
    yield _step("status", "always first: what can readers rely on?", f"settlement status {name}", "settlement alerts")
    yield _step("explain", "why is a date in this state?", f"settlement explain {name} {day}")
    yield _step("rerun", "a run failed or died", f"settlement materialize {name} --from {day} --to {day}")
    yield _step(
        "backfill",
        "a range of dates has to be processed",
        f"settlement backfill launch {name} --from {week} --to {day} --reason 'missed dates'",
        "settlement backfill status",
    )
    if not declared.inputs:
        yield from _dataset_steps(name, day)
    yield _step(
        "reset the breaker",
        "a circuit breaker is open, and its cause is fixed",
        "settlement reset-breaker lake --reason 'the store is available again'",
    )


def _dataset_steps(name: str, day: date) -> Iterator[RunbookStep]:
    """Yield the steps of a dataset alone; its marts follow by themselves."""
    yield _step(
        "roll back",
        "a publication is wrong; publish an older generation again",
        f"settlement partitions {name} --from {day} --to {day}",
        f"settlement rollback {name} {day} --to 1 --reason 'generation 2 is wrong'",
    )
    yield _step(
        "skip",
        "the files of a date will never arrive",
        f"settlement skip {name} {day} --reason 'the provider has no file'",
    )
    yield _step(
        "inspect quarantine",
        "a delivery is quarantined",
        f"settlement quarantine list {name}",
        f"settlement quarantine show {name} {day}",
    )
    yield _step(
        "leave quarantine",
        "the owner decides: publish it despite a failed check, or reject it",
        f"settlement quarantine release {name} {day} --despite totals_as_declared --reason 'confirmed by phone'",
        f"settlement quarantine discard {name} {day} --reason 'a test file'",
    )
    yield _step(
        "approve",
        "a large restatement waits for approval",
        f"settlement approve {name} {day} --reason 'announced by the provider'",
    )
    yield _step(
        "pause and resume",
        "sensors and schedules must launch nothing for now",
        f"settlement pause {name} --reason 'the provider will redeliver'",
        f"settlement resume {name} --reason 'redelivered'",
    )


def _step(name: str, when: str, *commands: str) -> RunbookStep:
    return RunbookStep(name=name, when=when, commands=commands)


def _print(declared: PublishedTable, settings: Settings) -> None:
    day = _example_date(declared, settings)
    out.print(Text(declared.name, style="bold"))
    out.print(f"  {declared.description}", markup=False)
    rows = [
        (Text(f"  {name.replace('_', ' ')}", style="dim"), Text(", ".join(v) if isinstance(v, list) else str(v)))
        for name, v in _facts(declared, settings).items()
        if v
    ]
    grid = table(("", ""), rows)
    grid.show_header = False
    out.print(grid)
    for step in _steps(declared, day):
        out.print()
        out.print(Text.assemble((step.name, "bold"), f": {step.when}"))
        for command in step.commands:
            out.print(f"    {command}", markup=False)
    out.print()
    out.print(f"Runbooks per alert: {PROJECT / 'docs' / 'runbooks'}", markup=False)
