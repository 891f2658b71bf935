"""Open alerts in the words of this moment, without a round of watching: nothing is recorded, and nobody is notified."""

from datetime import UTC, date, datetime, time, timedelta

from settlement_platform.control.alerts.episodes import AlertKind
from settlement_platform.control.facts import State
from settlement_platform.control.failures import TransientFailure
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.marts.catalog import MARTS
from settlement_platform.pipeline.alerts.alert_round import Provider, run_alert_round
from settlement_platform.pipeline.alerts.open_alerts import CurrentAlerts, current_alerts
from settlement_platform.pipeline.platform import LedgerStores
from settlement_platform.storage.alert_channels import parse_channels
from settlement_platform.storage.ledger.alert_queries import last_alert_record, open_alert_events
from settlement_platform_tests.builders import a_publication
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, Installation
from settlement_platform_tests.shown_reasons import shows

LATER = FIRST_DATE + timedelta(days=1)


def at(business_date: date, clock: str) -> datetime:
    """A clock time on the day after a business date."""
    return datetime.combine(business_date + timedelta(days=1), time.fromisoformat(clock), UTC)


def watch_at(there: Installation, now: datetime) -> None:
    run_alert_round(there.platform, datasets=[CARD_SETTLEMENTS], marts=MARTS, channels=parse_channels(""), now=now)


def present(
    there: Installation | LedgerStores,
    now: datetime,
    *,
    only_open: bool = True,
    providers: dict[AlertKind, Provider] | None = None,
) -> CurrentAlerts:
    return current_alerts(
        there.platform if isinstance(there, Installation) else there,
        datasets=[CARD_SETTLEMENTS],
        marts=MARTS,
        providers=providers or {},
        now=now,
        only_open=only_open,
    )


def summaries(found: CurrentAlerts) -> dict[str, str]:
    return {a.event.episode: a.event.summary for a in found.alerts}


def take_the_landing_zone_away(there: Installation) -> None:
    """A file stands where its folder should be."""
    there.landing.rename(there.home / "away")
    there.landing.write_text("no folder")


def test_an_open_alert_follows_what_it_speaks_of(own_installation: Installation) -> None:
    """Files that have come are no longer called missing, nor complete dates due; the record stays as it was."""
    there, now = own_installation, at(LATER, "06:30")
    watch_at(there, now)
    recorded = open_alert_events(there.platform.ledger)
    there.deliver(FIRST_DATE)
    there.run(FIRST_DATE)
    for source in ("visa", "mastercard"):
        Delivery(business_date=LATER, source=source, rows=some_rows(LATER, source)).write(there.landing)

    found = present(there, now + timedelta(minutes=5))

    words, shown = summaries(found), {a.event.episode: a for a in found.alerts}
    assert shows(words[f"escalated:{NAME}:{LATER}"], "source_late", source="amex")
    assert "visa" not in words[f"escalated:{NAME}:{LATER}"]
    assert shows(words[f"freshness_missed:{NAME}"], "next_date_overdue", watermark=FIRST_DATE, due=LATER)
    assert shown[f"freshness_missed:{NAME}"].event.first_move == f"settlement explain {NAME} {LATER}"
    assert shown[f"escalated:{NAME}:{FIRST_DATE}"].over
    over = shown[f"escalated:{NAME}:{FIRST_DATE}"].event.codes
    ending = {"code": "files_arrived", "parameters": {}}
    assert over is not None
    assert over["summary"] == {"code": "episode_ended", "parameters": {"ending": ending, "lasted": 300.0}}
    assert open_alert_events(there.platform.ledger) == recorded
    assert last_alert_record(there.platform.ledger) == now


def test_what_cannot_be_judged_keeps_the_words_on_record(own_installation: Installation) -> None:
    """While the landing zone is away, and where the ledger alone is asked."""
    there, now = own_installation, at(FIRST_DATE, "06:30")
    watch_at(there, now)
    recorded = {e.episode: e.summary for e in open_alert_events(there.platform.ledger)}
    take_the_landing_zone_away(there)
    facts = LedgerStores(
        ledger=there.platform.ledger,
        locks=there.platform.locks,
        clock=there.platform.clock,
        catalog=there.platform.catalog,
    )

    found, alone = (present(each, now + timedelta(days=1)) for each in (there, facts))

    assert summaries(found)[f"escalated:{NAME}:{FIRST_DATE}"] == recorded[f"escalated:{NAME}:{FIRST_DATE}"]
    assert [f.split(":")[0] for f in found.failures] == [NAME]
    assert summaries(alone) == recorded
    assert not any(a.over for a in (*found.alerts, *alone.alerts))


def test_only_what_open_episodes_speak_of_is_read(own_installation: Installation) -> None:
    """Neither a provider is asked nor the landing zone, while no episode speaks of what they know."""
    there, now = own_installation, at(FIRST_DATE, "06:30")
    there.deliver(FIRST_DATE)
    there.run(FIRST_DATE)
    take_the_landing_zone_away(there)

    def broken(_platform: object, _now: object) -> list[object]:
        message = "Nobody is to be asked."
        raise TransientFailure(message)

    providers: dict[AlertKind, Provider] = {AlertKind.BREAKER_OPEN: broken}  # type: ignore[dict-item]
    none_open = present(there, now, providers=providers)
    watch_at(there, now)
    of_marts = present(there, now, providers=providers)

    assert none_open == CurrentAlerts(alerts=())
    assert {a.event.kind for a in of_marts.alerts} == {AlertKind.FRESHNESS_MISSED}
    assert of_marts.failures == ()


def test_what_no_round_has_seen_is_listed_apart_until_one_has(own_installation: Installation) -> None:
    there, now = own_installation, at(FIRST_DATE, "06:30")

    before = present(there, now, only_open=False)
    watch_at(there, now)
    after = present(there, now, only_open=False)

    begun = {f"escalated:{NAME}:{FIRST_DATE}", f"freshness_missed:{NAME}"}
    assert (before.alerts, {e.episode for e in before.unrecorded}) == ((), begun)
    assert ({a.event.episode for a in after.alerts}, after.unrecorded) == (begun, ())


def test_a_provisional_cut_that_was_replaced_is_over_before_a_round_says_so(own_installation: Installation) -> None:
    there, now = own_installation, at(FIRST_DATE, "06:30")
    cut = a_publication(business_date=FIRST_DATE, state=State.PROVISIONAL, missing=("amex",), completeness=2 / 3)
    for publication in (cut, a_publication(business_date=FIRST_DATE, generation=2)):
        with there.platform.lake.publishing() as lake:
            lake.record_publication(publication, None)
        if publication is cut:
            watch_at(there, now)

    found = {a.event.kind: a for a in present(there, now + timedelta(minutes=1)).alerts}

    assert found[AlertKind.PROVISIONAL].over
    assert shows(found[AlertKind.PROVISIONAL].event.summary, "provisional_replaced", generation=2, state="final")
