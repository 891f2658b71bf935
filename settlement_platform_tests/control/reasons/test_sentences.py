"""The sentence of every reason, in one place; everywhere else tests assert codes and parameters."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from settlement_platform.control.facts import State
from settlement_platform.control.reasons import launching, marts, publishing, timeliness
from settlement_platform.control.reasons.reason import ReasonTemplate
from settlement_platform_tests.control.reasons.test_reason import templates

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
DAY = date(2026, 11, 20)
BY = {"actor": "ana", "at": AT, "note": "re-delivery announced"}
BY_ANA = "by ana at 2026-11-21 04:00 UTC: re-delivery announced"
CONTENT = "0123456789abcdef"
CHECK = {"check": "unique_in_date", "message": "1 row violates it", "measured": "1", "threshold": "0"}

Case = tuple[ReasonTemplate, dict[str, Any], str]

PUBLISHING: list[Case] = [
    (publishing.ALREADY_PUBLISHED, {"generation": 4}, "generation 4 already has exactly this content"),
    (
        publishing.NOTHING_NEW,
        {"generation": 1, "state": State.FINAL},
        "published as generation 1 (final); nothing else has been delivered",
    ),
    (publishing.VALIDATION_PENDING, {}, "all files have arrived; validation pending"),
    (publishing.VALIDATION_WAS_PENDING, {}, "all files had arrived by then; validation was pending"),
    (
        publishing.VERDICT_MISSING,
        {"content_hash": CONTENT},
        "content 0123456789ab has no verdict yet; materialize the staged asset first",
    ),
    (
        publishing.VERDICT_OUTDATED,
        {"content_hash": CONTENT, "verdict_content_hash": "fedcba9876543210"},
        "the verdict is for content fedcba987654, not for 0123456789ab",
    ),
    (publishing.CHECKS_PASSED, {"checks": 1}, "no check failed; 1 check ran on exactly this content"),
    (publishing.CHECKS_PASSED, {"checks": 14}, "no check failed; 14 checks ran on exactly this content"),
    (publishing.CHECK_FAILED, CHECK, "unique_in_date: 1 row violates it"),
    (publishing.CHECK_WARNED, CHECK, "warning: unique_in_date: 1 row violates it"),
    (publishing.FINDING_RELEASED, CHECK, "released finding: unique_in_date: 1 row violates it"),
    (publishing.RELEASED, {"checks": ["a", "b"], **BY}, f"released despite a, b {BY_ANA}"),
    (publishing.RELEASE_INCOMPLETE, {"checks": ["a", "b"]}, "the release does not cover a, b"),
    (publishing.RELEASE_UNAPPROVED, BY, f"released {BY_ANA}; a second person has to approve the release"),
    (publishing.APPROVED, BY, f"approved {BY_ANA}"),
    (publishing.APPROVAL_NEEDED, {}, "an operator has to approve it"),
    (publishing.PUBLISHING_PAUSED, BY, f"publishing is paused {BY_ANA}"),
    (
        publishing.CONTENT_DISCARDED,
        BY,
        f"this content was discarded {BY_ANA}; `settlement quarantine release` brings it back",
    ),
    (publishing.CONTENT_ROLLED_BACK, BY, f"this content was rolled back {BY_ANA}"),
    (publishing.FILE_ROLLED_BACK, {"source": "visa", **BY}, f"the file of visa was rolled back {BY_ANA}"),
    (publishing.DATE_SKIPPED, BY, f"skipped {BY_ANA}; a later delivery counts again"),
    (publishing.REPLACES, {"generation": 2, "state": State.FINAL}, "replaces generation 2 (final)"),
    (
        publishing.ROWS_LIMIT_EXCEEDED,
        {"rows": 1, "rows_before": 1_000, "limit": 0.0005},
        "1 row differs from the 1,000 published rows, more than the limit of 0.05%",
    ),
    (
        publishing.ROWS_LIMIT_EXCEEDED,
        {"rows": 6_000, "rows_before": 100, "limit": 0.05},
        "6,000 rows differ from the 100 published rows, more than the limit of 5.00%",
    ),
    (
        publishing.NET_EFFECT_LIMIT_EXCEEDED,
        {"measure": "net_minor", "currency": "EUR", "net": -1_234_567, "limit": 10_000},
        "net_minor in EUR changes by -1,234,567 minor units, more than the limit of 10,000",
    ),
    (
        publishing.DATE_RECORDED_ALREADY,
        {"generation": 1, "state": State.SKIPPED},
        "generation 1 is skipped already",
    ),
    (
        publishing.ROWS_ARE_PUBLISHED,
        {"generation": 1, "state": State.FINAL},
        "generation 1 (final) is published; roll back, or deliver a correction",
    ),
    (publishing.ROLLBACK_TARGET_MISSING, {"wanted": 3}, "generation 3 does not exist"),
    (
        publishing.ROLLBACK_CHANGES_NOTHING,
        {"wanted": 1, "generation": 2},
        "generation 2, the current one, already has the content of generation 1",
    ),
    (
        publishing.ROLLBACK_TARGET_EMPTY,
        {"wanted": 1, "state": State.SKIPPED},
        "generation 1 is skipped, so it has no rows to restore",
    ),
    (
        publishing.ROLLBACK_TARGET_PROVISIONAL,
        {"wanted": 1},
        "generation 1 is provisional; only a complete date can be restored",
    ),
    (
        publishing.RESTORES,
        {"wanted": 1, "generation": 2, "state": State.RESTATED},
        "restores generation 1 over generation 2 (restated)",
    ),
    (
        publishing.PUBLISHED_AS,
        {"generation": 1, "state": State.FINAL, "reason": "everything has arrived"},
        "published as generation 1 (final): everything has arrived",
    ),
    (
        publishing.SOURCES_MISSING,
        {"sources": ("amex",), "completeness": 2 / 3},
        "provisional: amex missing, 67% of the sources are there",
    ),
    (
        publishing.BESIDE_PUBLISHED,
        {"state": State.QUARANTINED, "reason": publishing.CHECK_FAILED(**CHECK)},
        "pending (quarantined): unique_in_date: 1 row violates it",
    ),
    (publishing.PUBLISHING_NEXT, {}, "validated; publishing is the next step"),
]

LAUNCHING: list[Case] = [
    (launching.ALL_FILES_ARRIVED, {}, "all required files have arrived"),
    (
        launching.DELIVERY_CHANGED,
        {"generation": 1, "state": State.FINAL},
        "a delivery differs from generation 1 (final)",
    ),
    (
        launching.EARLIER_FILES_REAPPEARED,
        {"generation": 1, "state": State.FINAL},
        "earlier files were delivered again and differ from generation 1 (final)",
    ),
    (
        launching.RECORDED_LATER,
        {"closed": "TARGET: 2026-11-21 is a Saturday", "due": AT},
        "no file is expected: TARGET: 2026-11-21 is a Saturday; recorded after 2026-11-21 04:00 UTC",
    ),
    (launching.DATE_PAUSED, BY, f"paused {BY_ANA}"),
]

MARTS: list[Case] = [
    (
        marts.INPUT_NOT_PUBLISHED,
        {"dataset": "card_settlements", "business_date": DAY},
        "card_settlements: 2026-11-20 is not published",
    ),
    (
        marts.INPUT_PROVISIONAL,
        {"dataset": "card_settlements", "business_date": DAY, "mart": "merchant_daily_net"},
        "card_settlements: 2026-11-20 is provisional; merchant_daily_net needs the complete date",
    ),
    (
        marts.INPUT_INCOMPLETE,
        {"dataset": "card_settlements", "sources": ("visa", "amex")},
        "card_settlements: visa, amex missing",
    ),
    (marts.BUILT_FROM_PROVISIONAL, {}, "built from a provisional publication"),
    (marts.BUILD_PENDING, {}, "all inputs are published; build pending"),
]

TIMELINESS: list[Case] = [
    (
        timeliness.PROVISIONAL_CUT_DUE,
        {"deadline": AT, "present": 2, "required": 3},
        "provisional cut: the deadline was 2026-11-21 04:00 UTC, with 2 of 3 required sources",
    ),
    (
        timeliness.NO_FILE_EXPECTED,
        {"closed": "TARGET: 2026-11-21 is a Saturday"},
        "no file is expected: TARGET: 2026-11-21 is a Saturday",
    ),
]

SENTENCES: list[Case] = [*LAUNCHING, *MARTS, *PUBLISHING, *TIMELINESS]


@pytest.mark.parametrize(
    ("template", "parameters", "sentence"), SENTENCES, ids=[f"{case[0].code}-{n}" for n, case in enumerate(SENTENCES)]
)
def test_the_sentence_of_a_reason(template: ReasonTemplate, parameters: dict[str, Any], sentence: str) -> None:
    reason = template(**parameters)

    assert reason == sentence
    assert reason.code == template.code
    assert reason.parameters.keys() == parameters.keys()


def test_every_reason_has_its_sentence_here() -> None:
    covered = {template.code for template, _, _ in SENTENCES}

    assert {template.code for template in templates()} == covered
