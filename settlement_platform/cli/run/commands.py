"""The commands that write files, run dates and tidy the lake; their work is imported when they run."""

from typing import Annotated

import typer

from settlement_platform.cli.console.options import Actor, From, Json, MaybeFrom, Name, Reason, To

Flaw = Annotated[list[str] | None, typer.Option(metavar="DATE[:SOURCE]", help="A date with this flaw; repeatable.")]


def register_run_commands(app: typer.Typer) -> None:
    """Add the commands that write files, run dates and tidy the lake."""
    for command in (generate, materialize, tidy):
        app.command()(command)


def generate(
    *,
    days: Annotated[int, typer.Option("--days", metavar="N", help="The number of calendar days.")],
    rows: Annotated[int, typer.Option("--rows", metavar="N", help="Rows per date, over all sources.")],
    from_: MaybeFrom = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed gives the same bytes.")] = 7,
    seasonal: Annotated[bool, typer.Option("--seasonal", help="Vary the volume with the weekday.")] = False,
    late: Flaw = None,
    corrupt: Flaw = None,
    duplicated: Flaw = None,
    corrected: Flaw = None,
    json: Json = False,
) -> None:
    """Write realistic landing files; all are valid unless you ask for a flaw."""
    from settlement_platform.cli.run.generate import run_generate

    flaws = {"late": late, "corrupt": corrupt, "duplicated": duplicated, "corrected": corrected}
    code = run_generate(
        days=days,
        rows=rows,
        first=from_,
        seed=seed,
        seasonal=seasonal,
        flaws={k: v or [] for k, v in flaws.items()},
        json=json,
    )
    raise typer.Exit(code)


def materialize(
    dataset: Name,
    *,
    from_: From,
    to: To,
    marts: Annotated[bool, typer.Option("--marts/--no-marts", help="Also build the marts of the dataset.")] = True,
    rejudge: Annotated[
        bool,
        typer.Option(
            "--rejudge",
            help="Judge published dates again that an older contract judged; publish rows that differ. Needs --reason.",
        ),
    ] = False,
    reason: Reason = "",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Stage, validate and publish business dates through Dagster, in this process."""
    from settlement_platform.cli.run.materialize import run_materialize

    raise typer.Exit(
        run_materialize(
            dataset, from_.date(), to.date(), marts=marts, rejudge=rejudge, reason=reason, actor=actor, json=json
        )
    )


def tidy(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    nobody_reads: Annotated[
        bool, typer.Option("--nobody-reads", help="Nobody reads the lake now: merge files in a SQLite catalog too.")
    ] = False,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; required unless --dry-run is given.")
    ] = "",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Merge small files, expire old snapshots, and remove files that nothing needs; evidence stays."""
    from settlement_platform.cli.run.tidy import run_tidy

    raise typer.Exit(run_tidy(dry_run=dry_run, nobody_reads=nobody_reads, reason=reason, actor=actor, json=json))
