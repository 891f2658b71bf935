"""Values for tests: each builder gives a plausible fact, and every field can be named to change it."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from settlement_platform.control.alerts.episodes import AlertDelivery, AlertEvent
from settlement_platform.control.facts import (
    Arrival,
    Attempt,
    AttemptOutcome,
    AttemptStep,
    Check,
    CurrentPublication,
    OperatorAction,
    OperatorActionType,
    Publication,
    Sample,
    Severity,
    SourceUsed,
    Staging,
    State,
    Verdict,
    Write,
)
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.landing.deliveries import Delivery, LandedFile
from settlement_platform.control.reasons.reason import Reason

DATASET = "card_settlements"
DAY = date(2026, 11, 20)
NOW = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)


def codes(reasons: Iterable[str]) -> list[str]:
    """The code of each reason; a plain text stands for itself."""
    return [reason.code if isinstance(reason, Reason) else reason for reason in reasons]


def refused_as(code: str) -> Callable[[SettlementError], bool]:
    """The check that `pytest.raises` makes of a refusal: its message has this code."""
    return lambda error: error.code == code


def a_reason(code: str = "some_reason", sentence: str = "", **parameters: Any) -> Reason:  # noqa: ANN401 - any value
    """A reason whose sentence does not matter."""
    return Reason(sentence or code, code=code, parameters=parameters)


def day(number: int) -> date:
    """The business date that many days after `DAY`."""
    return DAY + timedelta(days=number)


def a_landed_file(key: str, *, modified_at: datetime = NOW, size: int = 100, tag: str = "t1") -> LandedFile:
    """A file as the landing zone lists it."""
    return LandedFile(key=key, bytes=size, modified_at=modified_at, tag=tag)


def a_delivery(source: str = "visa", **changes: Any) -> Delivery:  # noqa: ANN401 - any field
    """A source's complete delivery of `DAY`."""
    stem = f"{DAY}/{source}/cards"
    usual = {
        "source": source,
        "version": 1,
        "data": a_landed_file(f"{stem}.csv"),
        "control": a_landed_file(f"{stem}.control.json"),
    }
    return Delivery(**{**usual, **changes})


def a_control_document(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """The members of a valid control file."""
    usual = {
        "business_date": DAY.isoformat(),
        "source": "visa",
        "sha256": "ab" * 32,
        "rows": 3,
        "totals": {"EUR": {"amount_minor": 300, "fee_minor": 30}},
    }
    return {**usual, **changes}


def a_control_file(**changes: Any) -> bytes:  # noqa: ANN401 - JSON
    """The bytes of a control file that is valid but for `changes`."""
    return json.dumps(a_control_document(**changes)).encode()


def a_write(**changes: Any) -> Write:  # noqa: ANN401 - any field
    """Ten megabytes of a backfill that took a second to write."""
    usual = {
        "dataset": DATASET,
        "business_date": DAY,
        "service_class": "backfill",
        "bytes": 10_000_000,
        "started_at": NOW - timedelta(seconds=1),
        "recorded_at": NOW,
        "run_id": "run-1",
    }
    return Write(**{**usual, **changes})


def a_check(name: str = "rule", **changes: Any) -> Check:  # noqa: ANN401 - any field
    """A check that passed."""
    return Check(**{"name": name, "passed": True, "message": "as it should be", **changes})


def a_failed_check(name: str = "rule", **changes: Any) -> Check:  # noqa: ANN401 - any field
    """A check that closes the gate."""
    samples = (Sample(key="2026-11-20/visa/cards.csv", line=4, record=3, column="currency", value="EURO"),)
    usual = {"passed": False, "message": "1 row breaks it", "measured": "1", "samples": samples}
    return a_check(name, **{**usual, **changes})


def a_warning(name: str = "volume_like_history") -> Check:
    """A check that failed but does not close the gate."""
    return a_failed_check(name, severity=Severity.WARN)


def an_arrival(**changes: Any) -> Arrival:  # noqa: ANN401 - any field
    """Visa's first delivery of `DAY`."""
    usual = {
        "dataset": DATASET,
        "business_date": DAY,
        "source": "visa",
        "key": f"{DAY}/visa/cards.csv",
        "version": 1,
        "sha256": "ab" * 32,
        "bytes": 12_345,
        "control_key": f"{DAY}/visa/cards.control.json",
        "control_sha256": "cd" * 32,
        "signature": "visa-1",
        "observed_at": NOW,
    }
    return Arrival(**{**usual, **changes})


def a_staging(**changes: Any) -> Staging:  # noqa: ANN401 - any field
    """Visa's delivery of `DAY` as Parquet."""
    usual = {
        "dataset": DATASET,
        "business_date": DAY,
        "source": "visa",
        "key": f"{DAY}/visa/cards.csv",
        "input_hash": "input-1",
        "data_sha256": "ab" * 32,
        "control_sha256": "cd" * 32,
        "data_bytes": 12_345,
        "path": "staging/visa.parquet",
        "sha256": "ef" * 32,
        "bytes": 2_345,
        "rows": 3,
        "staged_at": NOW,
        "null_counts": {"merchant_id": 0, "currency": 1},
        "declared": {"rows": 3, "totals": {"EUR": {"amount_minor": 2**70, "fee_minor": -30}}},
        "observations": (a_check("file_readable"), a_failed_check("values_readable")),
    }
    return Staging(**{**usual, **changes})


def a_verdict(content_hash: str = "content-1", **changes: Any) -> Verdict:  # noqa: ANN401 - any field
    """A verdict that opens the gate for one content."""
    usual = {
        "dataset": DATASET,
        "business_date": DAY,
        "content_hash": content_hash,
        "checks": (a_check("file_readable"), a_check("rows_as_declared")),
        "decided_at": NOW,
        "rows": 3,
        "compared_with": {"2026-11-19": "content-0"},
        "key_ranges": (("a", "z"),),
    }
    return Verdict(**{**usual, **changes})


def an_attempt(**changes: Any) -> Attempt:  # noqa: ANN401 - any field
    """The start of a try to move `DAY`."""
    usual = {
        "attempt_id": "attempt-1",
        "dataset": DATASET,
        "business_date": DAY,
        "step": "land",
        "outcome": "started",
        "recorded_at": NOW,
    }
    values: dict[str, Any] = {**usual, **changes}
    names = {"step": AttemptStep(values["step"]), "outcome": AttemptOutcome(values["outcome"])}
    return Attempt(**values | names)


def an_action(**changes: Any) -> OperatorAction:  # noqa: ANN401 - any field
    """An operator's decision on the whole dataset."""
    usual = {
        "action": "pause",
        "dataset": DATASET,
        "business_date": None,
        "actor": "ines",
        "reason": "provider announced a re-delivery",
        "recorded_at": NOW,
        "detail": {"ticket": "T-17", "generation": 2},
    }
    values: dict[str, Any] = {**usual, **changes}
    return OperatorAction(**values | {"action": OperatorActionType(values["action"])})


def an_alert(**changes: Any) -> AlertEvent:  # noqa: ANN401 - any field
    """The beginning of an episode."""
    usual = {
        "episode": f"late:{DATASET}:{DAY}",
        "event": "raised",
        "kind": "late",
        "severity": "warning",
        "dataset": DATASET,
        "business_date": DAY,
        "owner": "finance-data@example.com",
        "summary": "amex has not delivered",
        "meaning": "readers see the day before",
        "first_move": f"settlement explain {DATASET} {DAY}",
        "recorded_at": NOW,
    }
    return AlertEvent(**{**usual, **changes})


def an_alert_delivery(**changes: Any) -> AlertDelivery:  # noqa: ANN401 - any field
    """A try to notify the owner, which reached the channel."""
    usual = {
        "episode": f"late:{DATASET}:{DAY}",
        "event": "raised",
        "dataset": DATASET,
        "business_date": DAY,
        "delivered": True,
        "detail": "",
        "recorded_at": NOW,
    }
    return AlertDelivery(**{**usual, **changes})


def a_standing(**changes: Any) -> CurrentPublication:  # noqa: ANN401 - any field
    """The current publication of `DAY`."""
    usual = {
        "dataset": DATASET,
        "business_date": DAY,
        "generation": 1,
        "state": State.FINAL,
        "content_hash": "content-1",
        "rows": 3,
    }
    return CurrentPublication(**{**usual, **changes})


def a_source(name: str = "visa", **changes: Any) -> SourceUsed:  # noqa: ANN401 - any field
    """A delivered file that a publication was made from."""
    usual = {
        "source": name,
        "key": f"{DAY}/{name}/cards.csv",
        "sha256": "ab" * 32,
        "bytes": 12_345,
        "rows": 3,
    }
    return SourceUsed(**{**usual, **changes})


def a_publication(**changes: Any) -> Publication:  # noqa: ANN401 - any field
    """The record of the first publication of `DAY`."""
    usual = {
        **vars(a_standing()),
        "sources": (a_source(),),
        "run_id": "run-1",
        "code_version": "0.1.0",
        "published_at": NOW,
        "actor": "ines",
        "reason": "daily run",
    }
    return Publication(**{**usual, **changes})
