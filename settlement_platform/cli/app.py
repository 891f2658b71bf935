"""The `settlement` command: its commands and options; what they do is imported when they are called."""

from typing import Annotated

import typer

from settlement_platform.cli.backfill.commands import register_backfills
from settlement_platform.cli.console.options import Actor, Day, From, Json, MaybeFrom, MaybeTo, Name, Reason, To
from settlement_platform.cli.operators.commands import register

app = typer.Typer(
    name="settlement",
    help="Card settlements that are published only when they are complete and checked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


quarantine = typer.Typer(no_args_is_help=True, help="Dates that are held back, and the evidence.")
app.add_typer(quarantine, name="quarantine")


Flaw = Annotated[
    list[str] | None, typer.Option(metavar="DATE[:SOURCE]", help="A date with this flaw; may be repeated.")
]


@app.command()
def demo(*, json: Json = False) -> None:
    """Run a fortnight of sample files in a fresh folder: what is published, what is not, and why."""
    from settlement_platform.cli.demo import run_demo

    raise typer.Exit(run_demo(json=json))


@app.command()
def generate(
    *,
    days: Annotated[int, typer.Option("--days", help="Calendar days.")],
    rows: Annotated[int, typer.Option("--rows", help="Rows a date, over all sources.")],
    from_: MaybeFrom = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 7,
    seasonal: Annotated[bool, typer.Option("--seasonal", help="Let the volume vary with the weekday.")] = False,
    late: Flaw = None,
    corrupt: Flaw = None,
    duplicated: Flaw = None,
    corrected: Flaw = None,
    json: Json = False,
) -> None:
    """Write realistic landing files, all valid unless asked otherwise."""
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


@app.command()
def materialize(
    dataset: Name,
    *,
    from_: From,
    to: To,
    marts: Annotated[bool, typer.Option("--marts/--no-marts", help="Build what reads the dataset too.")] = True,
    reason: Reason = "materialized from the command line",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Run business dates through Dagster in this process: stage, validate, publish."""
    from settlement_platform.cli.run.materialize import run_materialize

    raise typer.Exit(
        run_materialize(dataset, from_.date(), to.date(), marts=marts, reason=reason, actor=actor, json=json)
    )


@app.command()
def status(
    dataset: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="A dataset or a mart; all if not given.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """How far each dataset is published, how fresh it is, and whether it is safe to read (exits 3 if not)."""
    from settlement_platform.cli.inspect.status import run_status

    raise typer.Exit(run_status(dataset, json=json))


@app.command()
def partitions(dataset: Name, *, from_: MaybeFrom = None, to: MaybeTo = None, json: Json = False) -> None:
    """The state of every business date, whether anything came or not."""
    from settlement_platform.cli.inspect.dates import run_partitions

    raise typer.Exit(run_partitions(dataset, from_, to, json=json))


@app.command()
def explain(
    dataset: Name,
    date: Day,
    *,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="As of this moment, ISO 8601.")] = None,
    json: Json = False,
) -> None:
    """What would be decided about a business date now, or at that time, and every reason."""
    from settlement_platform.cli.inspect.dates import run_explain

    raise typer.Exit(run_explain(dataset, date.date(), at=at, json=json))


@app.command()
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Read-only SQL over the schema `published`.")],
    *,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="As it was then, ISO 8601.")] = None,
    json: Json = False,
) -> None:
    """Query what is published, now or as of a past moment."""
    from settlement_platform.cli.sql.query import run_sql

    raise typer.Exit(run_sql(query, as_of=as_of, json=json))


@quarantine.command("list")
def quarantine_list(
    dataset: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="A dataset or a mart; all if not given.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Every date that is held back, and why."""
    from settlement_platform.cli.operators.quarantine import run_list

    raise typer.Exit(run_list(dataset, json=json))


@quarantine.command("show")
def quarantine_show(dataset: Name, date: Day, *, json: Json = False) -> None:
    """The evidence on one held date: inputs, failed checks, samples."""
    from settlement_platform.cli.operators.quarantine import run_show

    raise typer.Exit(run_show(dataset, date.date(), json=json))


@app.command()
def lateness(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A dataset.")],
    *,
    json: Json = False,
) -> None:
    """When each source really delivers, by weekday, and the lateness to declare where it is late as a rule."""
    from settlement_platform.cli.inspect.lateness import run_lateness

    raise typer.Exit(run_lateness(dataset, json=json))


@app.command()
def alerts(
    *,
    send: Annotated[bool, typer.Option("--send", help="Look now, and tell the owners what they do not know.")] = False,
    json: Json = False,
) -> None:
    """What is wrong now: since when, who was told, what it means for readers, and what to do first."""
    from settlement_platform.cli.inspect.alerts import run_alerts

    raise typer.Exit(run_alerts(send=send, json=json))


@app.command()
def runbook(
    dataset: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="A dataset or a mart; all if not given.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Per dataset: what was promised, where it is published, who owns it, and every step as a command."""
    from settlement_platform.cli.inspect.runbook import run_runbook

    raise typer.Exit(run_runbook(dataset, json=json))


@app.command()
def doctor(*, json: Json = False) -> None:
    """Check settings, stores and versions, and say what to mend."""
    from settlement_platform.cli.doctor.doctor import run_doctor

    raise typer.Exit(run_doctor(json=json))


register(app, quarantine)
register_backfills(app)


def main() -> None:
    """Run a command; failures end as a sentence on standard error and an exit code."""
    import gc

    from settlement_platform.cli.console.exit_codes import exit_with_code

    # Imports make a million objects that stay: looking through them again and again takes a third of the start.
    gc.disable()
    exit_with_code(app)
