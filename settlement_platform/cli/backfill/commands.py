"""The commands over backfills, and from a source to all it reached and back; what they do is imported when called."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from settlement_platform.cli.console.options import Actor, Day, Json, MaybeFrom, MaybeTo, Name, Reason

_DEFAULT = "launch"


MaybeId = Annotated[str | None, typer.Argument(metavar="[ID]", help="A backfill; those that have not ended if none.")]


Id = Annotated[str, typer.Argument(metavar="ID", help="A backfill, as settlement backfill list names it.")]


Sha256 = Annotated[str, typer.Option("--sha256", metavar="H", help="The sha256 of a delivered data file.")]


class LaunchUnlessNamed(TyperGroup):
    """A group in which `backfill DATASET …` is `backfill launch DATASET …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Click's context, wherever it is from
        """Put the name of the default command before what is none."""
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


backfill = typer.Typer(
    cls=LaunchUnlessNamed, no_args_is_help=True, help="Many business dates of the past at once: DATASET or a command."
)


def register_backfills(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(backfill, name="backfill")
    app.command()(impact)
    app.command()(lineage)


@backfill.command(_DEFAULT)
def launch(
    dataset: Name,
    *,
    from_: MaybeFrom = None,
    to: MaybeTo = None,
    only_missing: Annotated[bool, typer.Option("--only-missing", help="Take dates that are not published.")] = False,
    only_failed: Annotated[
        bool, typer.Option("--only-failed", help="Take dates whose last try was refused, or failed.")
    ] = False,
    sha256: Annotated[
        str | None, typer.Option("--sha256", metavar="H", help="Take dates that stand made from this source file.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would do.")] = False,
    marts: Annotated[bool, typer.Option("--marts/--no-marts", help="Build what reads the dataset too.")] = True,
    priority: Annotated[int, typer.Option("--priority", min=0, max=39, help="Place in the queue; fresh is 40.")] = 10,
    reason: Reason = "backfilled from the command line",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Launch a backfill on the running instance, or run it in this process if no daemon runs."""
    from settlement_platform.cli.backfill.launch import BackfillArguments, run_backfill

    asked = BackfillArguments(
        name=dataset,
        first=from_,
        last=to,
        only_missing=only_missing,
        only_failed=only_failed,
        sha256=sha256,
        marts=marts,
        priority=priority,
    )
    raise typer.Exit(run_backfill(asked, dry_run=dry_run, reason=reason, actor=actor, json=json))


@backfill.command()
def status(
    backfill_id: MaybeId = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every few seconds until it has ended.")] = False,
    json: Json = False,
) -> None:
    """How far backfills are: done, refused, remaining, rate, MB/s, an estimate, and what holds them back."""
    from settlement_platform.cli.backfill.status import run_status

    raise typer.Exit(run_status(backfill_id, watch=watch, json=json))


@backfill.command("list")
def list_backfills(*, json: Json = False) -> None:
    """The latest backfills, the newest first."""
    from settlement_platform.cli.backfill.status import run_list

    raise typer.Exit(run_list(json=json))


@backfill.command()
def cancel(backfill_id: Id, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """End a backfill; what it has published stays."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("cancel", backfill_id, reason=reason, actor=actor, json=json))


@backfill.command()
def pause(backfill_id: Id, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """Start no more of its runs until it is resumed; those that are started end by themselves."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("pause", backfill_id, reason=reason, actor=actor, json=json))


@backfill.command()
def resume(backfill_id: Id, *, reason: Reason, actor: Actor = None, json: Json = False) -> None:
    """End a pause."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("resume", backfill_id, reason=reason, actor=actor, json=json))


@backfill.command(context_settings={"ignore_unknown_options": True})
def priority(
    backfill_id: Id,
    number: Annotated[int, typer.Argument(metavar="N", min=0, max=39, help="Place in the queue; fresh is 40.")],
    *,
    reason: Reason,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Move what a backfill has in the queue, and what it will ask for, before or behind other runs."""
    from settlement_platform.cli.backfill.control import run_control

    raise typer.Exit(run_control("priority", backfill_id, priority=number, reason=reason, actor=actor, json=json))


def impact(*, sha256: Sha256, json: Json = False) -> None:
    """All that a source file reached: datasets and marts, by date and generation, and the command that replays it."""
    from settlement_platform.cli.inspect.lineage import run_impact

    raise typer.Exit(run_impact(sha256, json=json))


def lineage(dataset: Name, date: Day, *, json: Json = False) -> None:
    """What a published date was made from, down to the delivered files."""
    from settlement_platform.cli.inspect.lineage import run_lineage

    raise typer.Exit(run_lineage(dataset, date.date(), json=json))
