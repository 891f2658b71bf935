"""Doing a step again does it once; a correction replaces one date; the past can be read as it was."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from settlement_platform.control.facts import State, Verdict
from settlement_platform.control.failures import TransientFailure
from settlement_platform.control.publishing.gate import Action, DecisionInputs
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.processing.process_date import (
    PreparedDate,
    prepare,
    publish_validated,
    validate_and_publish,
)
from settlement_platform.pipeline.publishing.candidates import dataset_candidate
from settlement_platform.pipeline.publishing.publish import publish
from settlement_platform.storage.engines.duckdb_engine import connect_engine, load_extension
from settlement_platform.storage.lake.open import attach_lake
from settlement_platform_tests.builders import codes
from settlement_platform_tests.deliveries import Delivery, a_row, some_rows
from settlement_platform_tests.pipeline.installation import (
    FIRST_DATE,
    NAME,
    REQUEST,
    Installation,
    plain_reader,
    rows_on,
    stores_in,
)
from settlement_platform_tests.pipeline.published_rows import expected_rows


def _staged(installation: Installation, day: date) -> PreparedDate:
    """Prepare a date and free its lock without concluding it, as an attempt that died after staging."""
    prepared = prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST)
    prepared.lock.close()
    return prepared


def _bigger_visa(day: date, count: int = 5) -> Delivery:
    return Delivery(business_date=day, source="visa", rows=some_rows(day, "visa", count))


def test_staging_twice_stages_once(installation: Installation) -> None:
    """The second try finds the files of the first."""
    day = installation.fresh_date()
    installation.deliver(day)

    first, second = _staged(installation, day), _staged(installation, day)

    assert [s.path for s in first.stagings] == [s.path for s in second.stagings]
    assert len(list((installation.home / "staging" / NAME / str(day)).iterdir())) == 3
    assert first.stagings == second.stagings


@pytest.mark.parametrize("harm", ["removed", "cut off", "a byte changed", "emptied"])
def test_a_harmed_staged_file_is_staged_again(installation: Installation, harm: str) -> None:
    """A staged file is trusted for its sha256 only."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    path = Path(_staged(installation, day).stagings[0].path)
    whole = path.read_bytes()
    spoiled = {"cut off": whole[:-1], "a byte changed": whole[:50] + b"\x00" + whole[51:], "emptied": b""}
    path.unlink() if harm == "removed" else path.write_bytes(spoiled[harm])

    concluded = installation.run(day)

    assert concluded.decision.action is Action.PUBLISH
    assert concluded.stagings[0].path != str(path)
    assert installation.rows(day) == expected_rows(delivered)


def test_publishing_twice_publishes_once(installation: Installation) -> None:
    """The second try says that all is done."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)

    first, second = installation.run(day), installation.run(day)

    assert first.decision.action is Action.PUBLISH
    assert second.decision.action is Action.ALREADY_PUBLISHED
    assert second.publication is None
    assert installation.rows(day) == expected_rows(delivered)
    assert len(installation.platform.lake.history(NAME, day)) == 1


def test_publishing_without_a_verdict_is_refused(installation: Installation) -> None:
    """No verdict, no publication."""
    day = installation.fresh_date()
    installation.deliver(day)

    concluded = publish_validated(prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST))

    assert concluded.decision.action is Action.REFUSE
    assert codes(concluded.decision.reasons)[0] == "verdict_missing"
    assert installation.rows(day) == []


def test_publishing_on_the_verdict_on_record_publishes(installation: Installation) -> None:
    """Validation and publication may be two runs."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    judged = validate_and_publish(prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST), publishing=False)

    concluded = publish_validated(prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST))

    assert judged.decision.action is Action.PUBLISH
    assert concluded.decision.action is Action.PUBLISH
    assert installation.rows(day) == expected_rows(delivered)


def test_a_correction_between_verdict_and_publication_needs_a_verdict_of_its_own(
    installation: Installation,
) -> None:
    """The verdict on what came before it does not open the gate."""
    day = installation.fresh_date()
    installation.deliver(day)
    validate_and_publish(prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST), publishing=False)
    _bigger_visa(day).write(installation.landing)

    concluded = publish_validated(prepare(installation.platform, CARD_SETTLEMENTS, day, REQUEST))

    assert concluded.decision.action is Action.REFUSE
    assert installation.rows(day) == []


def test_a_verdict_on_other_content_never_opens_the_gate(installation: Installation) -> None:
    """Also when somebody hands it to the publishing step itself."""
    day, other = installation.fresh_date(), installation.fresh_date()
    installation.deliver(day)
    installation.deliver(other)
    prepared = _staged(installation, day)
    foreign = installation.run(other).verdict
    assert isinstance(foreign, Verdict)
    content = prepared.landed.content_hash
    assert content is not None
    candidate = dataset_candidate(
        CARD_SETTLEMENTS, day, content, prepared.stagings, foreign, waiting=(), inputs=DecisionInputs()
    )

    published = publish(installation.platform, candidate, REQUEST)

    assert published.decision.action is Action.REFUSE
    assert installation.rows(day) == []


def test_a_delivery_that_changes_between_hashing_and_staging_is_not_staged(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hashed bytes are the bytes that are read; the next try takes the file as it is then."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    _staged(installation, day)
    for path in (installation.home / "staging" / NAME / str(day)).iterdir():
        path.unlink()
    visa = delivered[0].data_path(installation.landing)
    status = visa.stat()
    receive = installation.platform.landing.receive

    def change_then_receive(file, limits):  # noqa: ANN001, ANN202 - as the method that it wraps
        if file.key.startswith(f"{day}/visa"):
            visa.write_bytes(visa.read_bytes().replace(b"m-1", b"m-9"))
        return receive(file, limits)

    monkeypatch.setattr(installation.platform.landing, "receive", change_then_receive)

    with pytest.raises(TransientFailure, match="changed after it was hashed"):
        installation.run(day)

    assert status.st_size == visa.stat().st_size
    assert installation.rows(day) == []
    assert installation.platform.ledger.attempts(NAME, day, day)[-1].outcome == "failed"


def test_a_restatement_replaces_exactly_one_date(own_installation: Installation) -> None:
    """The dates beside it keep their rows and their generation."""
    days = [FIRST_DATE + timedelta(days=n) for n in range(3)]
    delivered = {day: own_installation.deliver(day) for day in days}
    for day in days:
        own_installation.run(day)
    correction = _bigger_visa(days[1])
    correction.write(own_installation.landing)
    expected = {d: expected_rows(delivered[d]) for d in days}
    expected[days[1]] = expected_rows([correction, *delivered[days[1]][1:]])

    concluded = own_installation.run(days[1])

    assert (concluded.decision.state, concluded.decision.generation) == (State.RESTATED, 2)
    assert {day: own_installation.rows(day) for day in days} == expected
    generations = {d: [p.generation for p in own_installation.platform.lake.history(NAME, d)] for d in days}
    assert generations == {days[0]: [1], days[1]: [1, 2], days[2]: [1]}
    assert own_installation.platform.lake.watermark(NAME)[0] == days[2]


def test_a_restatement_to_nothing_removes_the_rows(installation: Installation) -> None:
    """A correction may say that nothing settled."""
    day = installation.fresh_date()
    installation.deliver(day)
    installation.run(day)
    installation.deliver(day, **{s: Delivery(business_date=day, source=s) for s in ("visa", "mastercard", "amex")})

    concluded = installation.run(day)

    assert concluded.decision.generation == 2
    assert installation.rows(day) == []


def test_an_old_content_delivered_again_is_a_new_generation(installation: Installation) -> None:
    """The staged file of the first generation went into the lake, so that it is staged again."""
    day = installation.fresh_date()
    delivered = installation.deliver(day)
    first = installation.run(day)
    _bigger_visa(day).write(installation.landing)
    installation.run(day)
    delivered[0].write(installation.landing)

    concluded = installation.run(day)

    assert concluded.decision.generation == 3
    assert concluded.content_hash == first.content_hash
    assert installation.rows(day) == expected_rows(delivered)


def test_a_volume_unlike_the_history_only_warns(own_installation: Installation) -> None:
    """Three weeks of the same weekday are a history."""
    days = [FIRST_DATE + timedelta(weeks=n) for n in range(4)]
    for day in days[:3]:
        own_installation.deliver(day)
        own_installation.run(day)
    delivered = own_installation.deliver(days[3], visa=_bigger_visa(days[3], 40))

    concluded = own_installation.run(days[3])

    assert concluded.decision.action is Action.PUBLISH
    assert concluded.verdict is not None
    assert [c.name for c in concluded.verdict.warnings] == ["volume_like_history"]
    assert any("volume_like_history" in reason for reason in concluded.decision.reasons)
    assert own_installation.rows(days[3]) == expected_rows(delivered)


def test_the_past_is_read_as_it_was(own_installation: Installation) -> None:
    """As of a moment between two generations, the first one is seen whole, with its record."""
    home, day = own_installation.home, FIRST_DATE
    delivered = own_installation.deliver(day)
    own_installation.run(day)
    moment = datetime.now(UTC)
    _bigger_visa(day).write(own_installation.landing)
    own_installation.run(day)
    engine = connect_engine()
    engine.execute("SET TimeZone = 'UTC'")
    for name in ("sqlite_scanner", "ducklake"):
        load_extension(engine, name)

    lake = attach_lake(engine, catalog_url=stores_in(home).catalog_url, data_url=stores_in(home).lake_url, as_of=moment)

    assert rows_on(lake.cursor(), day) == expected_rows(delivered)
    assert [p.generation for p in lake.history(NAME, day)] == [1]
    assert len(rows_on(plain_reader(home), day)) == len(expected_rows(delivered)) + 2


def test_the_record_of_a_publication_holds_its_evidence(installation: Installation) -> None:
    """Sources with their checksums and rows, the verdict, who and why."""
    day = installation.fresh_date()
    delivered = {d.source: d for d in installation.deliver(day)}

    concluded = installation.run(day)

    (publication,) = installation.platform.lake.history(NAME, day)
    assert publication == concluded.publication
    assert {s.source: (s.key, s.bytes, s.rows) for s in publication.sources} == {
        name: (d.data_key, len(d.data_bytes), len(d.rows)) for name, d in delivered.items()
    }
    assert (publication.actor, publication.reason, publication.run_id) == ("tester", "a test", "run-1")
    assert installation.platform.lake.verdict_of(publication)["content_hash"] == concluded.content_hash


def test_an_attempt_is_on_record_from_its_start_to_its_end(installation: Installation) -> None:
    """Each step that began has left a trace."""
    day = installation.fresh_date()
    installation.deliver(day)

    installation.run(day)

    steps = [(a.step, a.outcome) for a in installation.platform.ledger.attempts(NAME, day, day)]
    assert steps[0] == ("land", "started")
    assert steps[-1] == ("publish", "succeeded")


def test_a_hundred_rows_of_one_merchant_keep_their_order_in_the_file(installation: Installation) -> None:
    """The record's number in its file is part of what is published."""
    day = installation.fresh_date()
    rows = [a_row(day, "visa", n, merchant_id="m") for n in range(100, 0, -1)]
    delivery = Delivery(business_date=day, source="visa", rows=rows)
    delivered = installation.deliver(day, visa=replace(delivery))

    installation.run(day)

    assert installation.rows(day) == expected_rows(delivered)
