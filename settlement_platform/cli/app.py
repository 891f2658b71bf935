"""The `settlement` command, put together from the commands of each question; their work is imported when they run."""

from typing import Annotated

import typer

from settlement_platform.cli.backfill.commands import register_backfill_commands
from settlement_platform.cli.console.options import AsOf, Json
from settlement_platform.cli.inspect.commands import register_inspect_commands
from settlement_platform.cli.operators.commands import register_operator_commands
from settlement_platform.cli.run.commands import register_run_commands

app = typer.Typer(
    name="settlement",
    help="Publish card settlements only when they are complete and checked.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.command()
def demo(*, json: Json = False) -> None:
    """Run 14 days of sample files in a fresh folder, and show what is published, what is not, and why."""
    from settlement_platform.cli.demo import run_demo

    raise typer.Exit(run_demo(json=json))


register_inspect_commands(app)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="Read-only SQL over the schema `published`.")],
    *,
    as_of: AsOf = None,
    json: Json = False,
) -> None:
    """Query the published data, as it is now or was at a past moment."""
    from settlement_platform.cli.sql.query import run_sql

    raise typer.Exit(run_sql(query, as_of=as_of, json=json))


register_run_commands(app)
register_backfill_commands(app)
register_operator_commands(app)


@app.command()
def doctor(*, json: Json = False) -> None:
    """Check settings, stores and versions, and say how to fix what is wrong."""
    from settlement_platform.cli.doctor.doctor import run_doctor

    raise typer.Exit(run_doctor(json=json))


def main() -> None:
    """Run a command; a failure ends as a sentence on standard error and an exit code."""
    import gc

    from settlement_platform.cli.console.exit_codes import exit_with_code

    # Imports create a million objects that stay; collecting them again and again takes a third of the start.
    gc.disable()
    exit_with_code(app)
