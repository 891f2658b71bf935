"""`settlement generate`: writes sample files to the landing zone."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path

import duckdb
from rich.progress import Progress

from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.stores import first_business_date, s3_credentials
from settlement_platform.sample_data.generate import GeneratedSummary, Scenario, generate
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.folders import folder_problem
from settlement_platform.storage.landing.upload import upload

GENERATED = "card_settlements"
"""The dataset whose files are generated."""


def run_generate(
    *,
    days: int,
    rows: int,
    first: datetime | None,
    seed: int,
    seasonal: bool,
    flaws: Mapping[str, Sequence[str]],
    json: bool,
) -> int:
    """Write the files of a number of days, and print their size."""
    settings = load_settings()
    scenarios = [_scenario(kind, text) for kind, texts in flaws.items() for text in texts]
    with Progress(console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("writing", total=days)
        generate_into = partial(
            generate,
            first=first.date() if first else first_business_date(settings, GENERATED),
            days=days,
            rows=rows,
            seed=seed,
            seasonal=seasonal,
            scenarios=scenarios,
            on_date=lambda _: progress.advance(task),
        )
        try:
            summary = _write(settings, generate_into)
        except ValueError as error:
            raise WrongUsage(str(error)) from error
    _print(settings.landing_url, summary, json=json)
    return DONE


def _print(landing: str, summary: GeneratedSummary, *, json: bool) -> None:
    files, rows, size = len(summary.deliveries), summary.rows, summary.bytes
    if json:
        print_json({"landing": landing, "files": files, "rows": rows, "bytes": size})
    else:
        out.print(f"{files} files, {rows:,} rows, {size / 1e6:,.1f} MB in {landing}", markup=False)


def _scenario(kind: str, text: str) -> Scenario:
    day, _, source = text.partition(":")
    try:
        found = date.fromisoformat(day)
    except ValueError:
        message = f"--{kind} {text!r} is not a date."
        raise WrongUsage(message, remedy="Write it as 2026-01-31 or 2026-01-31:visa.") from None
    return Scenario(business_date=found, kind=kind, source=source or "mastercard")  # type: ignore[arg-type]


def _write(settings: Settings, generate_into: Callable[[Path], GeneratedSummary]) -> GeneratedSummary:
    """Write to the landing folder, or for a bucket to a temporary folder that is then uploaded."""
    if not settings.landing_url.startswith("s3://"):
        landing = Path(settings.landing_url)
        try:
            return generate_into(landing)
        except (OSError, duckdb.Error) as error:
            ours = landing.is_relative_to(settings.home)
            place, setting = (settings.home, "SETTLEMENT_HOME") if ours else (landing, "SETTLEMENT_LANDING_URL")
            raise folder_problem(place, error, setting=setting) from error
    with tempfile.TemporaryDirectory(prefix="settlement-generate-") as name:
        summary = generate_into(Path(name))
        upload(Path(name), settings.landing_url, s3_credentials(settings))
    return summary
