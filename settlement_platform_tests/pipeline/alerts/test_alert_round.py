"""A round of watching over real stores: owners are notified of what readers will notice, once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from settlement_platform.control.alerts.data_conditions import RESTATED_FOR
from settlement_platform.control.alerts.episodes import AlertKind
from settlement_platform.control.alerts.platform_conditions import PlatformProblem, breaker_condition
from settlement_platform.control.facts import AttemptOutcome, AttemptStep, Publication, State
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.policies import RecurringLateness
from settlement_platform.control.timeliness.freshness import Freshness
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.catalog import MARTS
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.alerts import data_conditions
from settlement_platform.pipeline.alerts.alert_round import AlertRoundResult, Provider, open_alerts, run_alert_round
from settlement_platform.pipeline.inspection.freshness import freshness_of
from settlement_platform.pipeline.operators import actions as operator_actions
from settlement_platform.pipeline.platform import Platform
from settlement_platform.storage.alert_channels import AlertChannels, parse_channels
from settlement_platform.storage.ledger.alert_queries import delivery_attempts
from settlement_platform_tests.builders import a_publication, an_attempt
from settlement_platform_tests.deliveries import Delivery, a_row, some_rows
from settlement_platform_tests.http_channel import SECRETS, HttpChannel, free_port, http_channel
from settlement_platform_tests.pipeline.installation import FIRST_DATE, NAME, Installation, an_installation
from settlement_platform_tests.pipeline.operating import ANA
from settlement_platform_tests.pipeline.watchers import watch_home
from settlement_platform_tests.processes import run_all
from settlement_platform_tests.shown_reasons import shows

MONDAY = date(2026, 1, 5)
"""The day on which the files of Sunday, the fourth business date, are due."""
SILENT = parse_channels("")


@pytest.fixture
def channel() -> Iterator[HttpChannel]:
    with http_channel() as found:
        yield found


def at(business_date: date, clock: str) -> datetime:
    """A clock time on the day after a business date."""
    return datetime.combine(business_date + timedelta(days=1), time.fromisoformat(clock), UTC)


def run_round(
    there: Installation,
    now: datetime,
    channels: AlertChannels = SILENT,
    *,
    dataset: Dataset = CARD_SETTLEMENTS,
    providers: dict[AlertKind, Provider] | None = None,
) -> AlertRoundResult:
    return run_alert_round(
        there.platform, datasets=[dataset], marts=MARTS, channels=channels, now=now, providers=providers
    )


def episodes(there: Installation) -> set[str]:
    """The open episodes."""
    return {a.event.episode for a in open_alerts(there.platform.ledger)}


def deliver_without(there: Installation, business_date: date, *missing: str) -> None:
    for source in {"visa", "mastercard", "amex"} - set(missing):
        Delivery(business_date=business_date, source=source, rows=some_rows(business_date, source)).write(there.landing)


def publish(there: Installation, **changes: object) -> Publication:
    """Put a publication on record without going through the pipeline."""
    publication = a_publication(**{"business_date": FIRST_DATE, **changes})
    with there.platform.lake.publishing() as lake:
        lake.record_publication(publication, None)
    return publication


def test_a_file_that_is_late_is_reported_once_escalated_once_and_ended_once(
    own_installation: Installation, channel: HttpChannel
) -> None:
    """From the moment it was expected to the moment it comes, whatever the number of rounds between."""
    there, channels = own_installation, parse_channels(channel.url)
    deliver_without(there, FIRST_DATE, "amex")

    for clock in ("03:40", "03:50", "03:51", "04:50", "04:51"):
        run_round(there, at(FIRST_DATE, clock), channels)
    deliver_without(there, FIRST_DATE)
    there.run(FIRST_DATE)
    for mart in MARTS:
        there.build(mart, FIRST_DATE)
    for clock in ("04:52", "04:53"):
        run_round(there, at(FIRST_DATE, clock), channels)

    assert channel.titles == [
        f"[warning] late: {NAME} {FIRST_DATE}",
        f"[critical] escalated: {NAME} {FIRST_DATE}",
        f"[resolved] late: {NAME} {FIRST_DATE}",
        f"[resolved] escalated: {NAME} {FIRST_DATE}",
    ]
    assert [p["type"] for p in channel.posts] == ["warning", "failure", "success", "success"]
    assert shows(
        channel.posts[0]["message"], "source_late", source="amex", expected_by="2026-01-02 03:45 UTC", late_by="5 min"
    )
    assert "visa" not in channel.posts[0]["message"]
    assert f"First: settlement explain {NAME} {FIRST_DATE}" in channel.posts[0]["message"]
    assert episodes(there) == set()


def test_lateness_that_is_known_calls_nobody(own_installation: Installation) -> None:
    """On Mondays amex comes by 06:15: neither the file nor the promise is alerted before that, and both are after."""
    sunday = MONDAY - timedelta(days=1)
    known = RecurringLateness(weekday=MONDAY.weekday(), by=timedelta(hours=2, minutes=30), sources=("amex",))
    dataset = replace(CARD_SETTLEMENTS, timeliness=replace(CARD_SETTLEMENTS.timeliness, known_lateness=(known,)))
    there = own_installation
    there.platform = replace(there.platform, first_date=sunday)
    deliver_without(there, sunday, "amex")

    quiet = [run_round(there, at(sunday, clock), dataset=dataset).raised for clock in ("03:50", "05:10", "06:10")]
    late = run_round(there, at(sunday, "06:20"), dataset=dataset).raised

    assert quiet == [(), (), ()]
    assert {e.kind for e in late} == {AlertKind.LATE, AlertKind.FRESHNESS_MISSED}


def test_a_held_delivery_is_reported_with_its_reasons_until_a_correction_passes(own_installation: Installation) -> None:
    there, old = own_installation, FIRST_DATE + timedelta(days=30)
    there.platform = replace(there.platform, clock=lambda: at(old + timedelta(days=60), "05:00"))
    rows = [a_row(old, "visa", 1, amount_minor="12.50")]
    there.deliver(old, visa=Delivery(business_date=old, source="visa", rows=rows))
    there.run(old)

    first = run_round(there, at(old + timedelta(days=60), "05:00"))
    much_later = run_round(there, at(old + timedelta(days=90), "05:00"))
    there.deliver(old)
    there.run(old)
    after = run_round(there, at(old + timedelta(days=91), "05:00"))

    (held,) = [e for e in first.raised if e.kind == AlertKind.QUARANTINED]
    assert (held.business_date, held.severity) == (old, "critical")
    assert "values_readable" in held.summary
    assert held.first_move == f"settlement quarantine show {NAME} {old}"
    assert [e for e in (*much_later.raised, *much_later.resolved) if e.kind == AlertKind.QUARANTINED] == []
    assert [e.episode for e in after.resolved if e.kind == AlertKind.QUARANTINED] == [held.episode]


def test_the_promise_is_at_risk_then_missed_and_a_mart_that_waits_for_it_adds_nothing(
    own_installation: Installation,
) -> None:
    there = own_installation
    kinds = {AlertKind.FRESHNESS_AT_RISK, AlertKind.FRESHNESS_MISSED}

    found = {
        clock: [e.episode for e in run_round(there, at(FIRST_DATE, clock)).raised if e.kind in kinds]
        for clock in ("04:59", "05:01", "05:30", "06:01", "06:02")
    }
    there.deliver(FIRST_DATE)
    there.run(FIRST_DATE)
    mart_behind = run_round(there, at(FIRST_DATE, "06:03"))
    for mart in MARTS:
        there.build(mart, FIRST_DATE)
    run_round(there, at(FIRST_DATE, "06:04"))

    assert found == {
        "04:59": [],
        "05:01": [f"freshness_at_risk:{NAME}:{FIRST_DATE}"],
        "05:30": [],
        "06:01": [f"freshness_missed:{NAME}"],
        "06:02": [],
    }
    assert {e.episode for e in mart_behind.raised} == {f"freshness_missed:{m.name}" for m in MARTS}
    assert f"freshness_missed:{NAME}" in {e.episode for e in mart_behind.resolved}
    assert episodes(there) == set()


def test_the_owner_of_a_mart_is_notified_of_the_input_that_is_behind(own_installation: Installation) -> None:
    """Its owner reads no alert of the dataset."""
    foreign = [replace(m, owner="risk@example.com") for m in MARTS[:1]]
    when = at(FIRST_DATE, "06:01")

    found = run_alert_round(
        own_installation.platform, datasets=[CARD_SETTLEMENTS], marts=foreign, channels=SILENT, now=when
    )

    owners = {e.episode: e.owner for e in found.raised}
    assert owners[f"freshness_missed:{MARTS[0].name}"] == "risk@example.com"


def test_a_provisional_cut_is_reported_when_it_is_published_and_when_it_is_replaced(
    own_installation: Installation,
) -> None:
    there, now = own_installation, at(FIRST_DATE, "06:30")
    publish(there, state=State.PROVISIONAL, missing=("amex",), completeness=2 / 3)

    first, again = run_round(there, now), run_round(there, now)
    publish(there, state=State.FINAL, generation=2)
    after = run_round(there, now + timedelta(hours=1))

    (cut,) = [e for e in first.raised if e.kind == AlertKind.PROVISIONAL]
    assert "without amex" in cut.summary
    assert AlertKind.LATE not in {e.kind for e in again.raised}
    assert AlertKind.PROVISIONAL not in {e.kind for e in again.raised}
    (end,) = [e for e in after.resolved if e.kind == AlertKind.PROVISIONAL]
    ending = {"code": "provisional_replaced", "parameters": {"generation": 2, "state": "final"}}
    assert end.codes is not None
    assert end.codes["summary"] == {"code": "episode_ended", "parameters": {"ending": ending, "lasted": 3600.0}}


def test_a_date_that_is_provisional_still_waits_for_its_files(own_installation: Installation) -> None:
    publish(own_installation, state=State.PROVISIONAL, missing=("visa", "mastercard", "amex"))

    found = run_round(own_installation, at(FIRST_DATE, "06:30"))

    assert AlertKind.ESCALATED in {e.kind for e in found.raised}


@pytest.mark.parametrize("state", [State.FINAL, State.SKIPPED, State.NOT_EXPECTED, State.RESTATED], ids=str)
def test_nothing_is_late_of_a_date_that_is_settled(own_installation: Installation, state: State) -> None:
    publish(own_installation, state=state)

    found = run_round(own_installation, at(FIRST_DATE, "06:30"))

    assert {AlertKind.LATE, AlertKind.ESCALATED} & {e.kind for e in found.raised} == set()


def test_a_restatement_is_reported_until_every_mart_has_followed_and_never_again(
    own_installation: Installation,
) -> None:
    there = own_installation
    for rows in (3, 5):
        there.deliver(
            FIRST_DATE, visa=Delivery(business_date=FIRST_DATE, source="visa", rows=some_rows(FIRST_DATE, "visa", rows))
        )
        there.run(FIRST_DATE)
        if rows == 3:
            for mart in MARTS:
                there.build(mart, FIRST_DATE)
    now = datetime.now(UTC)
    key = f"restated:{NAME}:{FIRST_DATE}:2"

    begun, still = run_round(there, now), run_round(there, now)
    for mart in MARTS:
        there.build(mart, FIRST_DATE)
    ended, after = run_round(there, now), run_round(there, now)

    (restated,) = [e for e in begun.raised if e.kind == AlertKind.RESTATED]
    assert (restated.episode, restated.severity) == (key, "info")
    assert ", ".join(m.name for m in MARTS) in restated.meaning
    assert [
        e for e in (*still.raised, *still.resolved, *after.raised, *after.resolved) if e.kind == AlertKind.RESTATED
    ] == []
    assert [e.episode for e in ended.resolved if e.kind == AlertKind.RESTATED] == [key]


def test_a_restatement_of_long_ago_is_no_news(own_installation: Installation) -> None:
    there = own_installation
    publication = publish(there, state=State.RESTATED, generation=2)

    late = run_round(there, publication.published_at + RESTATED_FOR + timedelta(seconds=1))
    assert AlertKind.RESTATED not in {e.kind for e in late.raised}

    in_time = run_round(there, publication.published_at + RESTATED_FOR)
    assert AlertKind.RESTATED in {e.kind for e in in_time.raised}


def test_work_that_began_long_ago_and_never_ended_is_reported_until_the_date_is_worked_on_again(
    own_installation: Installation,
) -> None:
    there, now = own_installation, at(FIRST_DATE, "03:00")
    stuck = an_attempt(
        business_date=FIRST_DATE, recorded_at=now - timedelta(hours=6, seconds=1), step=AttemptStep.STAGE
    )
    fresh = an_attempt(business_date=FIRST_DATE + timedelta(days=1), recorded_at=now - timedelta(hours=5))
    there.platform.ledger.append(stuck, fresh)

    found = run_round(there, now)
    there.platform.ledger.append(replace(stuck, attempt_id="2", outcome=AttemptOutcome.SUCCEEDED, recorded_at=now))
    after = run_round(there, now)

    assert [e.episode for e in found.raised] == [f"orphaned_work:{NAME}:{FIRST_DATE}"]
    assert [e.episode for e in after.resolved] == [f"orphaned_work:{NAME}:{FIRST_DATE}"]


def test_a_failed_date_that_nothing_tries_again_is_reported(own_staffed: Installation) -> None:
    """A pause explains that nothing tries it, and a date that was published since needs nobody."""
    there, now = own_staffed, at(FIRST_DATE, "03:00")
    failed = an_attempt(
        business_date=FIRST_DATE,
        recorded_at=now - timedelta(days=3),
        step=AttemptStep.STAGE,
        outcome=AttemptOutcome.FAILED,
        detail="staging did not answer",
    )
    probe = replace(failed, business_date=FIRST_DATE + timedelta(days=1), step=AttemptStep.PROBE)
    there.platform.ledger.append(failed, probe)

    found = run_round(there, now)
    operator_actions.pause(there.platform, CARD_SETTLEMENTS, ANA)
    paused = run_round(there, now)
    operator_actions.resume(there.platform, CARD_SETTLEMENTS, ANA)
    again = run_round(there, now)
    operator_actions.skip(there.platform, CARD_SETTLEMENTS, FIRST_DATE, ANA)
    skipped = run_round(there, now)

    orphaned = [[e for e in done.raised if e.kind == "orphaned_work"] for done in (found, again)]
    assert [[e.business_date for e in events] for events in orphaned] == [[FIRST_DATE], [FIRST_DATE]]
    assert "nothing has tried again since" in orphaned[0][0].summary
    assert all("orphaned_work" in {e.kind for e in done.resolved} for done in (paused, skipped))


def test_what_a_provider_says_begins_and_ends_and_stays_where_nobody_is_queried(own_installation: Installation) -> None:
    """The command line may not know what the sensor knows."""
    there, now = own_installation, at(FIRST_DATE, "03:00")
    trouble = PlatformProblem(name="lake", since=now, reasons=("5 failures in a row",))

    begun = run_round(there, now, providers={AlertKind.BREAKER_OPEN: lambda _, __: [breaker_condition(trouble)]})
    unasked = run_round(there, now)
    closed = run_round(there, now, providers={AlertKind.BREAKER_OPEN: lambda _, __: []})

    assert [e.episode for e in begun.raised] == ["breaker_open:lake:2026-01-02T03:00:00Z"]
    assert (unasked.raised, unasked.resolved) == ((), ())
    assert [e.event for e in closed.resolved] == ["resolved"]


def test_a_store_that_does_not_answer_ends_no_episode_and_hides_no_other(own_installation: Installation) -> None:
    """The landing zone is a file where a folder should be; the lake still says that the promise is missed."""
    there = own_installation
    run_round(there, at(FIRST_DATE, "04:50"))

    def broken(_platform: object, _now: object) -> list[object]:
        message = "The circuit's record does not answer."
        raise TransientFailure(message)

    for path in sorted(there.landing.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    there.landing.rmdir()
    there.landing.write_text("no folder")
    found = run_round(there, at(FIRST_DATE, "06:30"), providers={AlertKind.BREAKER_OPEN: broken})  # type: ignore[dict-item]

    assert found.resolved == ()
    assert {e.kind for e in found.raised} == {AlertKind.FRESHNESS_MISSED}
    assert [f.split(":")[0] for f in found.failures] == [NAME, "breaker_open"]


def test_a_landing_zone_that_is_away_excuses_nothing_and_hides_no_promise(own_installation: Installation) -> None:
    """On a day of known lateness too: what is missing is not known then, and the lake still says what was promised."""
    sunday, there = MONDAY - timedelta(days=1), own_installation
    known = RecurringLateness(weekday=MONDAY.weekday(), by=timedelta(hours=2, minutes=30), sources=("amex",))
    late = replace(CARD_SETTLEMENTS, timeliness=replace(CARD_SETTLEMENTS.timeliness, known_lateness=(known,)))
    there.platform = replace(there.platform, first_date=sunday)
    deliver_without(there, sunday, "amex")
    foreign = replace(MARTS[0], owner="risk@example.com")
    excused = run_round(there, at(sunday, "06:05"), dataset=late).raised
    there.landing.rename(there.landing.with_name("away"))

    found = run_alert_round(there.platform, datasets=[late], marts=[foreign], channels=SILENT, now=at(sunday, "06:06"))

    assert excused == ()
    assert {e.episode for e in found.raised} == {f"freshness_missed:{NAME}", f"freshness_missed:{foreign.name}"}
    assert [f.split(":")[0] for f in found.failures] == [NAME]
    assert "is missing, although it was there before" in found.failures[0]


def test_a_promise_that_cannot_be_judged_hides_no_other(
    own_installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each dataset and mart is judged on its own."""
    unknown = replace(CARD_SETTLEMENTS, name="unknown_settlements")

    def judged(platform: Platform, declared: Dataset | Mart, now: datetime) -> Freshness:
        if declared.name == unknown.name:
            message = "Its watermark does not answer."
            raise TransientFailure(message)
        return freshness_of(platform, declared, now)

    monkeypatch.setattr(data_conditions, "freshness_of", judged)
    datasets, now = [unknown, CARD_SETTLEMENTS], at(FIRST_DATE, "06:01")

    found = run_alert_round(own_installation.platform, datasets=datasets, marts=MARTS, channels=SILENT, now=now)

    assert f"freshness_missed:{NAME}" in {e.episode for e in found.raised}
    assert found.failures == (f"{unknown.name}: Its watermark does not answer.",)


def test_a_dead_channel_fails_nothing_and_is_tried_again_until_it_answers(own_installation: Installation) -> None:
    """With growing delay; until then the alert is shown as not delivered."""
    there, port, begun = own_installation, free_port(), at(FIRST_DATE, "03:50")
    channels = parse_channels(f"json://robot:hunter2@127.0.0.1:{port}/s3cr3t-path?+x=t0k3n")
    outcomes, tried = [], []
    for seconds in (0, 30, 60, 90, 179):
        outcomes.append(run_round(there, begun + timedelta(seconds=seconds), channels).not_notified)
        tried.append(len(delivery_attempts(there.platform.ledger, [f"late:{NAME}:{FIRST_DATE}"])))
    (shown,) = open_alerts(there.platform.ledger)

    with http_channel(port) as channel:
        again = [run_round(there, begun + timedelta(seconds=s), channels).notified for s in (179, 180, 210)]

    assert outcomes == [1, 1, 1, 1, 1]
    assert tried == [1, 1, 2, 2, 2]
    assert not shown.delivered
    assert shown.detail == "channel 1 of SETTLEMENT_ALERT_URLS (json): it could not be reached"
    assert again == [0, 1, 0]
    assert channel.titles == [f"[warning] late: {NAME} {FIRST_DATE}"]
    assert open_alerts(there.platform.ledger)[0].delivered
    recorded = (there.home / "ledger.sqlite").read_bytes() + (there.home / "ledger.sqlite-wal").read_bytes()
    assert [s for s in SECRETS if s.encode() in recorded] == []


def test_an_alert_that_ended_undelivered_stays_visible_and_is_reported_in_one_message(
    own_installation: Installation,
) -> None:
    there, port = own_installation, free_port()
    channels = parse_channels(f"json://127.0.0.1:{port}")
    run_round(there, at(FIRST_DATE, "03:50"), channels)
    publish(there, state=State.SKIPPED)

    run_round(there, at(FIRST_DATE, "03:50"), channels)
    (shown,) = open_alerts(there.platform.ledger)
    with http_channel(port) as channel:
        run_round(there, at(FIRST_DATE, "04:00"), channels)

    assert (shown.over, shown.delivered) == (True, False)
    assert channel.titles == [f"[resolved] late: {NAME} {FIRST_DATE}"]
    assert open_alerts(there.platform.ledger) == []


def test_an_owner_with_a_dead_channel_is_tried_once_a_round_and_holds_nobody_else_up(
    own_installation: Installation, channel: HttpChannel
) -> None:
    there = own_installation
    channels = parse_channels(f"{CARD_SETTLEMENTS.owner}=json://127.0.0.1:{free_port()} {channel.url}")
    troubles = [PlatformProblem(name=n, since=at(FIRST_DATE, "03:00")) for n in ("lake", "landing")]
    providers: dict[AlertKind, Provider] = {
        AlertKind.BREAKER_OPEN: lambda _, __: [breaker_condition(t) for t in troubles]
    }

    found = run_round(there, at(FIRST_DATE, "06:01"), channels, providers=providers)

    assert len([e for e in found.raised if e.owner == CARD_SETTLEMENTS.owner]) > 1
    ours = [e for e in found.raised if e.owner == CARD_SETTLEMENTS.owner]
    assert (found.not_notified, found.notified) == (len(ours), 2)
    assert len(delivery_attempts(there.platform.ledger, [e.episode for e in ours])) == 1
    assert len(channel.posts) == 2


def test_a_channel_that_names_kinds_is_sent_these_alone(own_installation: Installation, channel: HttpChannel) -> None:
    """Beside the channel that gets all of them; and each is sent once."""
    owner = CARD_SETTLEMENTS.owner
    with http_channel() as analysts:
        channels = parse_channels(f"{owner}={channel.url} {owner}[freshness_missed,restated]={analysts.url}")
        for _ in range(2):
            found = run_round(own_installation, at(FIRST_DATE, "06:01"), channels)

    assert len(channel.titles) == len(set(channel.titles)) > 1
    assert analysts.titles == [title for title in channel.titles if "freshness_missed" in title] != []
    assert (found.notified, found.not_notified) == (0, 0)


@pytest.mark.parametrize("kept_in", ["sqlite", "postgresql"])
def test_three_processes_at_once_send_once(
    tmp_path: Path, channel: HttpChannel, kept_in: str, request: pytest.FixtureRequest
) -> None:
    """Whichever takes the lock sends; the others do nothing, or find everything sent."""
    home = tmp_path / "home"
    sqlite = f"sqlite:///{home}/ledger.sqlite"
    ledger = request.getfixturevalue("postgres_url") if kept_in == "postgresql" else sqlite
    an_installation(home)
    channel.delay_seconds = 0.3

    found = run_all(watch_home, [(str(home), ledger, channel.url, at(FIRST_DATE, "05:01").isoformat())] * 3)

    (sent,) = [f for f in found if f["raised"]]
    assert [f["told"] for f in found if f is not sent] == [0, 0]
    assert len(channel.titles) == len(set(channel.titles)) == sent["raised"] == sent["told"] == 2
