"""The commands with which operators intervene; each needs a reason, and is on record."""

from datetime import date
from typing import Annotated

import typer

from settlement_platform.cli.console.options import Actor, DatasetName, Day, Json, Reason


def register(app: typer.Typer, quarantine: typer.Typer) -> None:
    """Add the commands."""
    for command in (rollback, skip, pause, resume, approve, tidy):
        app.command()(command)
    app.command("reset-breaker")(reset_breaker)
    quarantine.command()(release)
    quarantine.command()(discard)


def rollback(
    dataset: DatasetName,
    date: Day,
    *,
    to: Annotated[int, typer.Option("--to", metavar="GENERATION", help="The older generation.")],
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Publish an older generation of one date again, as a new one; nothing else changes."""
    _run("rollback", dataset, date.date(), reason=reason, actor=actor, json=json, generation=to)


def skip(dataset: DatasetName, date: Day, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Record that a date is complete without rows; the watermark passes it."""
    _run("skip", dataset, date.date(), reason=reason, actor=actor, json=json)


def pause(dataset: DatasetName, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Publish and launch nothing for a dataset until it is resumed."""
    _run("pause", dataset, None, reason=reason, actor=actor, json=json)


def resume(dataset: DatasetName, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """End a pause."""
    _run("resume", dataset, None, reason=reason, actor=actor, json=json)


def approve(dataset: DatasetName, date: Day, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Approve a restatement, or a release, that waits for it, and publish it."""
    _run("approve", dataset, date.date(), reason=reason, actor=actor, json=json)


def reset_breaker(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset, a mart, or a dependency such as lake.")],
    *,
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Close a circuit breaker, whatever it has counted."""
    from settlement_platform.cli.console.find_declared import owner_of_breaker

    _run("reset_breaker", owner_of_breaker(name), None, reason=reason, actor=actor, json=json, breaker=name)


def release(
    dataset: DatasetName,
    date: Day,
    *,
    despite: Annotated[
        list[str] | None, typer.Option("--despite", metavar="CHECK", help="A failing check; name them all.")
    ] = None,
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Publish what is held in quarantine, or was discarded, despite the findings that are named."""
    _run("release", dataset, date.date(), reason=reason, actor=actor, json=json, despite=tuple(despite or ()))


def discard(dataset: DatasetName, date: Day, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Put aside what is held in quarantine or waits for approval; only a release publishes it after all."""
    _run("discard", dataset, date.date(), reason=reason, actor=actor, json=json)


def tidy(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    nobody_reads: Annotated[
        bool, typer.Option("--nobody-reads", help="Nobody reads the lake now: merge files in a SQLite catalog too.")
    ] = False,
    reason: Annotated[str, typer.Option("--reason", help="Why; needed unless --dry-run is given.")] = "",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Merge small files, forget snapshots beyond the retention, remove what nothing needs; evidence stays."""
    from settlement_platform.cli.run.tidy import run_tidy

    raise typer.Exit(run_tidy(dry_run=dry_run, nobody_reads=nobody_reads, reason=reason, actor=actor, json=json))


def _run(
    action: str,
    dataset: str,
    day: date | None,
    *,
    reason: str,
    actor: str | None,
    json: bool,
    generation: int = 0,
    despite: tuple[str, ...] = (),
    breaker: str = "",
) -> None:
    from settlement_platform.cli.operators.execute import run_command
    from settlement_platform.orchestration.jobs.operator_actions import OperatorCommand

    order = OperatorCommand(action=action, business_date=day, generation=generation, despite=despite, breaker=breaker)
    raise typer.Exit(run_command(dataset, order, reason=reason, actor=actor, json=json))
