"""`settlement demo`: a fortnight in a fresh folder, with one late, one corrupt and one corrected file."""

import sys
from datetime import date, timedelta
from pathlib import Path

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE
from settlement_platform.cli.console.output import err, out, print_json, rfc3339, table
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import open_stores, utc_now
from settlement_platform.cli.inspect.alerts import load_current_alerts
from settlement_platform.cli.inspect.dates import date_document, partitions_table
from settlement_platform.cli.inspect.next_steps import date_views
from settlement_platform.cli.inspect.status import assess_status, status_document
from settlement_platform.cli.run.runner import Runner
from settlement_platform.cli.sql.query import run_query
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.sample_data.follow_ups import deliver_correction
from settlement_platform.sample_data.generate import Scenario, generate
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.folders import make_writable

DAYS, ROWS, CORRECTED, CORRUPT, LATE = 14, 2_000, 5, 12, 13


NAME = CARD_SETTLEMENTS.name


def run_demo(*, json: bool) -> int:
    """Make the files, run them, correct one, and show what readers get."""
    # The last date is today's, whose files are not due yet: at any hour of the day it waits.
    first = utc_now().date() - timedelta(days=DAYS - 1)
    settings = _fresh_settings(first)
    days = [first + timedelta(days=n) for n in range(DAYS)]
    _say(f"Writing {DAYS} dates of sample files into {settings.landing_url}")
    scenarios = (
        Scenario(business_date=days[CORRECTED], kind="corrected"),
        Scenario(business_date=days[CORRUPT], kind="corrupt"),
        Scenario(business_date=days[LATE], kind="late"),
    )
    landing = Path(settings.landing_url)
    generate(landing, first=first, days=DAYS, rows=ROWS, seasonal=True, scenarios=scenarios)
    runner = Runner(settings)
    try:
        _say("Running them through Dagster: stage, validate, publish")
        _run(runner, first, days[-1], "demo: first run")
        before = utc_now()
        _say(f"Delivering a corrected mastercard file for {days[CORRECTED]}, and running that date again")
        deliver_correction(landing, business_date=days[CORRECTED], rows=ROWS, seasonal=True)
        _run(runner, days[CORRECTED], days[CORRECTED], "demo: corrected file")
    finally:
        runner.close()
    return _show(settings, days, rfc3339(before), json=json)


def _fresh_settings(first: date) -> Settings:
    """Settings of a folder of its own; what is exported for real stores is left alone."""
    given = load_settings()
    make_writable(given.home, setting="SETTLEMENT_HOME")
    home = given.home / "demo" / utc_now().strftime("%Y%m%d-%H%M%S-%f")
    ours = {"SETTLEMENT_HOME": str(home), "SETTLEMENT_FIRST_DATE": first.isoformat()}
    return load_settings(ours | ({"DAGSTER_HOME": str(given.dagster_home)} if given.dagster_home_exported else {}))


def _run(runner: Runner, first: date, last: date, reason: str) -> None:
    request = make_request(None, reason)
    ran = runner.run(NAME, first, last, request)
    runner.run_marts(load_catalog().marts_of(NAME), [c.business_date for c in ran.visible], request)


def _say(text: str) -> None:
    err.print(Text(text, style="bold"))


def _show(settings: Settings, days: list[date], before: str, *, json: bool) -> int:
    with open_stores(settings) as platform:
        found = date_views(platform, CARD_SETTLEMENTS, days[0], days[-1])
        alerts = load_current_alerts(platform)
        statuses = [assess_status(platform, declared, platform.clock(), alerts) for declared in load_catalog().tables]
    if json:
        print_json(
            {
                "home": settings.home,
                "first_date": settings.first_date,
                "partitions": [date_document(o) for o in found],
                "datasets": [status_document(s) for s in statuses],
            }
        )
        return DONE
    out.print()
    out.print(partitions_table(found))
    _show_correction(settings, days[CORRECTED], before)
    _show_next(settings, days)
    return DONE


def _show_correction(settings: Settings, day: date, before: str) -> None:
    query = (
        "SELECT currency, count(*) AS transactions, sum(net_minor) AS net_minor FROM published.card_settlements "  # noqa: S608 - a date of ours
        f"WHERE business_date = '{day}' GROUP BY currency ORDER BY currency"
    )
    _, old = run_query(settings, query, before)
    _, new = run_query(settings, query, None)
    then = {row[0]: row for row in old}
    rows = [(c, then[c][1], n, int(then[c][2]), int(net), int(net - then[c][2])) for c, n, net in new if c in then]
    out.print()
    out.print(Text(f"{day} before and after its correction (net in minor units; both stay readable)", style="bold"))
    out.print(table(("currency", "rows then", "rows now", "net then", "net now", "difference"), rows))


def _show_next(settings: Settings, days: list[date]) -> None:
    out.print()
    out.print(Text("Look further:", style="bold"))
    lines = [
        f"export SETTLEMENT_HOME={settings.home} SETTLEMENT_FIRST_DATE={settings.first_date}",
        "settlement status",
        f"settlement quarantine show {NAME} {days[CORRUPT]}",
        f"settlement explain {NAME} {days[LATE]}",
        "settlement sql 'FROM published.merchant_daily_net ORDER BY net_minor DESC LIMIT 5'",
        "make dev        # the same in Dagster's web UI",
    ]
    prefix = "" if sys.prefix == sys.base_prefix else f"source {Path(sys.prefix) / 'bin' / 'activate'}\n"
    sys.stdout.write("".join(f"  {line}\n" for line in (prefix + "\n".join(lines)).splitlines()))
