"""The commands over backfills; their work is imported when they run."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from settlement_platform.cli.console.options import Actor, Json, MaybeFrom, MaybeTo, Name, Reason

_DEFAULT = "launch"
_PRIORITY = "The priority in the queue, 0 to 39; fresh dates have 40."
MaybeId = Annotated[str | None, typer.Argument(metavar="[ID]", help="A backfill's id. Default: all that are running.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="A backfill's id, from settlement backfill list.")]


class LaunchUnlessNamed(TyperGroup):
    """A group that reads `backfill DATASET …` as `backfill launch DATASET …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Click's context, wherever it is from
        """Put the default command first where none is named."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


backfill = typer.Typer(
    cls=LaunchUnlessNamed,
    no_args_is_help=True,
    help="Run many past business dates at once: name a DATASET, or a command.",
)


def register_backfill_commands(app: typer.Typer) -> None:
    """Add the group `backfill`."""
    app.add_typer(backfill, name="backfill")


@backfill.command(_DEFAULT)
def launch(
    dataset: Name,
    *,
    from_: MaybeFrom = None,
    to: MaybeTo = None,
    only_missing: Annotated[bool, typer.Option("--only-missing", help="Only dates that are not published.")] = False,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Only dates whose last attempt was refused or failed.")
    ] = False,
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", metavar="H", help="Only dates that are published from this source file."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    marts: Annotated[bool, typer.Option("--marts/--no-marts", help="Also build the marts of the dataset.")] = True,
    priority: Annotated[
        int, typer.Option("--priority", min=0, max=39, help="Priority in the queue; fresh dates have 40.")
    ] = 10,
    reason: Reason = "backfilled from the command line",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Launch a backfill on the instance, or run it in this process if no daemon is running."""
    from settlement_platform.cli.backfill.launch import BackfillArguments, run_backfill

    arguments = BackfillArguments(
        name=dataset,
        first=from_,
        last=to,
        only_missing=only_missing,
        only_failed=only_failed,
        sha256=sha256,
        marts=marts,
        priority=priority,
    )
    raise typer.Exit(run_backfill(arguments, dry_run=dry_run, reason=reason, actor=actor, json=json))


@backfill.command()
def status(
    backfill_id: MaybeId = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every few seconds until it ends.")] = False,
    json: Json = False,
) -> None:
    """Show progress: dates done, refused and remaining, rates, estimated end, and what each waits for."""
    from settlement_platform.cli.backfill.status import run_status

    raise typer.Exit(run_status(backfill_id, watch=watch, json=json))


@backfill.command("list")
def list_backfills(*, json: Json = False) -> None:
    """List the latest backfills, newest first."""
    from settlement_platform.cli.backfill.status import run_list

    raise typer.Exit(run_list(json=json))


@backfill.command()
def cancel(backfill_id: Id, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Cancel a backfill; what it has published stays."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("cancel", backfill_id, reason=reason, actor=actor, json=json))


@backfill.command()
def pause(backfill_id: Id, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Start no more runs of a backfill until it is resumed; started runs finish."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("pause", backfill_id, reason=reason, actor=actor, json=json))


@backfill.command()
def resume(backfill_id: Id, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Resume a paused backfill."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("resume", backfill_id, reason=reason, actor=actor, json=json))


@backfill.command(context_settings={"ignore_unknown_options": True})
def priority(
    backfill_id: Id,
    number: Annotated[int, typer.Argument(metavar="N", min=0, max=39, help=_PRIORITY)],
    *,
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Change the queue priority of a backfill's runs, queued and future ones."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("priority", backfill_id, priority=number, reason=reason, actor=actor, json=json))
