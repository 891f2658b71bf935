"""The commands that show state; their work is imported when they run."""

from typing import Annotated

import typer

from settlement_platform.cli.console.options import At, DatasetName, Day, Json, MaybeFrom, MaybeName, MaybeTo, Name

Sha256 = Annotated[str, typer.Option("--sha256", metavar="H", help="The sha256 of a delivered data file.")]


def register_inspect_commands(app: typer.Typer) -> None:
    """Add the commands that show state."""
    for command in (status, partitions, explain, alerts, lineage, impact, lateness, runbook):
        app.command()(command)


def status(dataset: MaybeName = None, *, json: Json = False) -> None:
    """Show how far each dataset is published, how fresh it is, and if it is safe to read (exits 3 if not)."""
    from settlement_platform.cli.inspect.status import run_status

    raise typer.Exit(run_status(dataset, json=json))


def partitions(dataset: Name, *, from_: MaybeFrom = None, to: MaybeTo = None, json: Json = False) -> None:
    """Show the state of every business date, with or without files."""
    from settlement_platform.cli.inspect.dates import run_partitions

    raise typer.Exit(run_partitions(dataset, from_, to, json=json))


def explain(dataset: Name, date: Day, *, at: At = None, json: Json = False) -> None:
    """Show the decision about a business date, now or at a past time, with every reason."""
    from settlement_platform.cli.inspect.dates import run_explain

    raise typer.Exit(run_explain(dataset, date.date(), at=at, json=json))


def alerts(
    *,
    send: Annotated[bool, typer.Option("--send", help="Evaluate now and notify owners.")] = False,
    json: Json = False,
) -> None:
    """Show the open alerts: since when, who was notified, what they mean for readers, and what to do first."""
    from settlement_platform.cli.inspect.alerts import run_alerts

    raise typer.Exit(run_alerts(send=send, json=json))


def lineage(dataset: Name, date: Day, *, json: Json = False) -> None:
    """Show what a published date was made from, down to the delivered files."""
    from settlement_platform.cli.inspect.lineage import run_lineage

    raise typer.Exit(run_lineage(dataset, date.date(), json=json))


def impact(*, sha256: Sha256, json: Json = False) -> None:
    """Show every publication that a source file reached, and the command that replays them."""
    from settlement_platform.cli.inspect.lineage import run_impact

    raise typer.Exit(run_impact(sha256, json=json))


def lateness(dataset: DatasetName, *, json: Json = False) -> None:
    """Show when each source delivers, by weekday, and suggest the lateness to declare."""
    from settlement_platform.cli.inspect.lateness import run_lateness

    raise typer.Exit(run_lateness(dataset, json=json))


def runbook(dataset: MaybeName = None, *, json: Json = False) -> None:
    """Show targets, publish location and owner of each dataset, and the commands for each incident."""
    from settlement_platform.cli.inspect.runbook import run_runbook

    raise typer.Exit(run_runbook(dataset, json=json))
