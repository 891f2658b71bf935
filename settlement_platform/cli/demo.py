"""`settlement demo`: 14 days in a fresh folder, with one late, one corrupt and one corrected file."""

import sys
from datetime import date, timedelta
from pathlib import Path

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE
from settlement_platform.cli.console.output import err, out, print_json, table
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import open_stores, utc_now
from settlement_platform.cli.inspect.alerts import load_current_alerts
from settlement_platform.cli.inspect.dates import date_document, print_partitions
from settlement_platform.cli.inspect.next_steps import date_views
from settlement_platform.cli.inspect.status import assess_status, status_document
from settlement_platform.cli.run.runner import Runner
from settlement_platform.cli.sql.query import run_query
from settlement_platform.control.reasons.reason import rfc3339
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.sample_data.follow_ups import deliver_correction
from settlement_platform.sample_data.generate import Scenario, generate
from settlement_platform.settings import Settings, load_settings
from settlement_platform.storage.folders import make_writable

DAYS, ROWS, CORRECTED, CORRUPT, LATE = 14, 2_000, 5, 12, 13
NAME = CARD_SETTLEMENTS.name


def run_demo(*, json: bool) -> int:
    """Write the files, run them, correct one, and show what readers get."""
    # The last date is today: its files are not due yet, so it waits at any hour of the day.
    first = utc_now().date() - timedelta(days=DAYS - 1)
    settings = _fresh_settings(first)
    days = [first + timedelta(days=n) for n in range(DAYS)]
    _say(f"Writing sample files of {DAYS} dates to {settings.landing_url}")
    scenarios = (
        Scenario(business_date=days[CORRECTED], kind="corrected"),
        Scenario(business_date=days[CORRUPT], kind="corrupt"),
        Scenario(business_date=days[LATE], kind="late"),
    )
    landing = Path(settings.landing_url)
    generate(landing, first=first, days=DAYS, rows=ROWS, seasonal=True, scenarios=scenarios)
    runner = Runner(settings)
    try:
        _say("Staging, validating and publishing them through Dagster")
        _run(runner, first, days[-1], "demo: first run")
        before = utc_now()
        _say(f"Delivering a corrected mastercard file for {days[CORRECTED]}, and running this date again")
        deliver_correction(landing, business_date=days[CORRECTED], rows=ROWS, seasonal=True)
        _run(runner, days[CORRECTED], days[CORRECTED], "demo: corrected file")
    finally:
        runner.close()
    return _show(settings, days, rfc3339(before), json=json)


def _fresh_settings(first: date) -> Settings:
    """Return the settings of a fresh folder; exported settings of real stores are not used."""
    given = load_settings()
    make_writable(given.home, setting="SETTLEMENT_HOME")
    home = given.home / "demo" / utc_now().strftime("%Y%m%d-%H%M%S-%f")
    ours = {"SETTLEMENT_HOME": str(home), "SETTLEMENT_FIRST_DATE": first.isoformat()}
    return load_settings(ours | ({"DAGSTER_HOME": str(given.dagster_home)} if given.dagster_home_exported else {}))


def _run(runner: Runner, first: date, last: date, reason: str) -> None:
    request = make_request(None, reason)
    ran = runner.run(NAME, first, last, request)
    for mart in load_catalog().marts_of(NAME):
        runner.run_mart(mart, [c.business_date for c in ran.visible], request)


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
    print_partitions(CARD_SETTLEMENTS.name, found)
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
    out.print(Text(f"{day} before and after its correction (net in minor units); both can be queried", style="bold"))
    out.print(table(("currency", "rows before", "rows after", "net before", "net after", "difference"), rows))


def _show_next(settings: Settings, days: list[date]) -> None:
    out.print()
    out.print(Text("Explore it:", style="bold"))
    lines = [
        f"export SETTLEMENT_HOME={settings.home} SETTLEMENT_FIRST_DATE={settings.first_date}",
        "settlement status",
        f"settlement quarantine show {NAME} {days[CORRUPT]}",
        f"settlement explain {NAME} {days[LATE]}",
        "settlement sql 'FROM published.merchant_daily_net ORDER BY net_minor DESC LIMIT 5'",
        "make dev        # see it in Dagster's web UI",
    ]
    prefix = "" if sys.prefix == sys.base_prefix else f"source {Path(sys.prefix) / 'bin' / 'activate'}\n"
    sys.stdout.write("".join(f"  {line}\n" for line in (prefix + "\n".join(lines)).splitlines()))
