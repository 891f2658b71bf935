"""The commands with which operators intervene, each on record with a reason; their work is imported when they run."""

from datetime import date, datetime
from typing import Annotated

import typer

from settlement_platform.cli.console.options import Actor, DatasetName, Day, Json, MaybeDay, MaybeName, Name, Reason
from settlement_platform.control.facts import OperatorActionType

quarantine = typer.Typer(no_args_is_help=True, help="Inspect quarantined dates, and release or discard them.")


FirstSkipped = Annotated[
    datetime | None,
    typer.Option("--from", metavar="DATE", formats=["%Y-%m-%d"], help="The first date of a range, instead of DATE."),
]
LastSkipped = Annotated[
    datetime | None,
    typer.Option("--to", metavar="DATE", formats=["%Y-%m-%d"], help="The last date of the range, inclusive."),
]


def register_operator_commands(app: typer.Typer) -> None:
    """Add the operators' commands and the group `quarantine`."""
    app.add_typer(quarantine, name="quarantine")
    for command in (rollback, skip, pause, resume, approve):
        app.command()(command)
    app.command("reset-breaker")(reset_breaker)


@quarantine.command("list")
def list_quarantined(dataset: MaybeName = None, *, json: Json = False) -> None:
    """List every quarantined date and why."""
    from settlement_platform.cli.inspect.quarantine import run_list

    raise typer.Exit(run_list(dataset, json=json))


@quarantine.command()
def show(dataset: Name, date: Day, *, json: Json = False) -> None:
    """Show the evidence on a quarantined date: inputs, failed checks, samples."""
    from settlement_platform.cli.inspect.quarantine import run_show

    raise typer.Exit(run_show(dataset, date.date(), json=json))


@quarantine.command()
def release(
    dataset: DatasetName,
    date: Day,
    *,
    despite: Annotated[
        list[str] | None, typer.Option("--despite", metavar="CHECK", help="A failed check; repeat it for each one.")
    ] = None,
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Publish a quarantined or discarded delivery despite the failed checks that you name."""
    _run(
        OperatorActionType.RELEASE,
        dataset,
        date.date(),
        reason=reason,
        actor=actor,
        json=json,
        despite=tuple(despite or ()),
    )


@quarantine.command()
def discard(dataset: DatasetName, date: Day, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Reject a delivery that is quarantined or waits for approval; only a release can publish it later."""
    _run(OperatorActionType.DISCARD, dataset, date.date(), reason=reason, actor=actor, json=json)


def rollback(
    dataset: DatasetName,
    date: Day,
    *,
    to: Annotated[int, typer.Option("--to", metavar="GENERATION", help="The older generation.")],
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Publish an older generation of one date again, as a new generation; other dates stay as they are."""
    _run(OperatorActionType.ROLLBACK, dataset, date.date(), reason=reason, actor=actor, json=json, generation=to)


def skip(
    dataset: DatasetName,
    date: MaybeDay = None,
    *,
    from_: FirstSkipped = None,
    to: LastSkipped = None,
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Record that a date, or every date of a range, is complete without rows; the watermark passes it."""
    if date and not from_ and not to:
        _run(OperatorActionType.SKIP, dataset, date.date(), reason=reason, actor=actor, json=json)
    if date or not from_ or not to:
        from settlement_platform.cli.console.exit_codes import WrongUsage

        message = "skip takes either DATE, or both --from and --to."
        raise WrongUsage(message, remedy=f"settlement skip {dataset} --from 2026-01-01 --to 2026-01-31 --reason …")
    from settlement_platform.cli.operators.skip_range import run_skip_range

    raise typer.Exit(run_skip_range(dataset, from_.date(), to.date(), reason=reason, actor=actor, json=json))


def pause(dataset: DatasetName, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Launch and publish nothing for a dataset until it is resumed."""
    _run(OperatorActionType.PAUSE, dataset, None, reason=reason, actor=actor, json=json)


def resume(dataset: DatasetName, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Resume a paused dataset."""
    _run(OperatorActionType.RESUME, dataset, None, reason=reason, actor=actor, json=json)


def approve(dataset: DatasetName, date: Day, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Approve a restatement or a release that waits for approval, and publish it."""
    _run(OperatorActionType.APPROVE, dataset, date.date(), reason=reason, actor=actor, json=json)


def reset_breaker(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset, a mart, or a dependency such as lake.")],
    *,
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Close a circuit breaker, however many failures it has counted."""
    from settlement_platform.cli.console.find_declared import owner_of_breaker

    _run(
        OperatorActionType.RESET_BREAKER,
        owner_of_breaker(name),
        None,
        reason=reason,
        actor=actor,
        json=json,
        breaker=name,
    )


def _run(
    action: OperatorActionType,
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

    command = OperatorCommand(action=action, business_date=day, generation=generation, despite=despite, breaker=breaker)
    raise typer.Exit(run_command(dataset, command, reason=reason, actor=actor, json=json))
