"""The sentence of every reason, in one place; everywhere else tests assert codes and parameters."""

# ruff: noqa: E501 - a sentence is on one line, as it is printed

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from settlement_platform.control.facts import State
from settlement_platform.control.reasons import (
    alerts,
    declarations,
    landing,
    maintenance,
    next_steps,
    operators,
    publishing,
    queue,
    reliability,
    timeliness,
)
from settlement_platform.control.reasons.reason import ReasonTemplate
from settlement_platform_tests.control.reasons.test_reason import templates

AT = datetime(2026, 11, 21, 4, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 6, 30, 15, tzinfo=UTC)
DAY = date(2026, 11, 20)
BY = {"actor": "ana", "at": AT, "note": "re-delivery announced"}
BY_ANA = "by ana at 2026-11-21 04:00 UTC: re-delivery announced"
ON = {"dataset": "card_settlements", "business_date": DAY}
ON_DATE = "card_settlements 2026-11-20"
CONTENT = "0123456789abcdef"
CHECK = {"check": "unique_in_date", "message": "1 row violates it", "measured": "1", "threshold": "0"}

Case = tuple[ReasonTemplate, dict[str, Any], str]

PUBLISHING: list[Case] = [
    (
        publishing.HISTORY_TOO_SHORT,
        {"dates": 2, "needed": 4},
        "2 comparable dates are published; at least 4 are needed",
    ),
    (
        publishing.ROWS_BESIDE_HISTORY,
        {"rows": 1200, "usual": 995.0},
        "1,200 rows; the same weekday usually has 995",
    ),
    (publishing.ALREADY_PUBLISHED, {"generation": 4}, "generation 4 already has exactly this content"),
    (
        publishing.REJUDGED_UNCHANGED,
        {"generation": 2},
        "today's contract gives the same rows as generation 2, so nothing is published",
    ),
    (
        publishing.OLDER_CONTRACT,
        {"dates": 1, "dataset": "cards", "first": DAY, "last": DAY},
        (
            "1 date was judged under an older contract; to judge again: settlement materialize cards "
            "--from 2026-11-20 --to 2026-11-20 --rejudge --reason TEXT"
        ),
    ),
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
    (publishing.RELEASE_UNAPPROVED, BY, f"waiting for a second person to approve the release {BY_ANA}"),
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
        publishing.DECIMAL_NET_EFFECT_LIMIT_EXCEEDED,
        {"measure": "amount", "currency": "EUR", "net": Decimal("-1234.50"), "limit": Decimal("0.25")},
        "amount in EUR changes by -1,234.50, more than the limit of 0.25",
    ),
    (
        publishing.RESTATEMENT_EFFECT,
        {
            "rows_added": 1_200,
            "rows_removed": 0,
            "rows_changed": 1,
            "generation": 1,
            "unit": " in minor units",
            "net": "EUR +5",
            "net_effects": {"EUR": 5},
        },
        "1,200 rows added, 0 removed, 1 changed against generation 1; net effect in minor units: EUR +5",
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
    (queue.ALL_FILES_ARRIVED, {}, "all required files have arrived"),
    (
        queue.DELIVERY_CHANGED,
        {"generation": 1, "state": State.FINAL},
        "a delivery differs from generation 1 (final)",
    ),
    (
        queue.EARLIER_FILES_REAPPEARED,
        {"generation": 1, "state": State.FINAL},
        "earlier files were delivered again and differ from generation 1 (final)",
    ),
    (
        queue.RECORDED_LATER,
        {"closed": "TARGET: 2026-11-21 is a Saturday", "due": AT},
        "no file is expected: TARGET: 2026-11-21 is a Saturday; recorded after 2026-11-21 04:00 UTC",
    ),
    (queue.DATE_PAUSED, BY, f"paused {BY_ANA}"),
    (queue.DATASET_PAUSED, {"dataset": "card_settlements", **BY}, f"card_settlements is paused {BY_ANA}"),
    (
        queue.BREAKER_BLOCKS,
        {"kind": "store", "name": "lake", "state": "open", "until": LATER, "reasons": "5 failures in a row"},
        "the breaker of store lake is open until 2026-11-21 06:30:15 UTC: 5 failures in a row",
    ),
    (
        queue.BREAKER_BLOCKS,
        {"kind": "store", "name": "lake", "state": "half-open", "until": None, "reasons": "one probe may be launched"},
        "the breaker of store lake is half-open: one probe may be launched",
    ),
]

MARTS: list[Case] = [
    (
        publishing.INPUT_NOT_PUBLISHED,
        {"dataset": "card_settlements", "business_date": DAY},
        "card_settlements: 2026-11-20 is not published",
    ),
    (
        publishing.INPUT_PROVISIONAL,
        {"dataset": "card_settlements", "business_date": DAY, "mart": "merchant_daily_net"},
        "card_settlements: 2026-11-20 is provisional; merchant_daily_net needs the complete date",
    ),
    (
        publishing.INPUT_INCOMPLETE,
        {"dataset": "card_settlements", "sources": ("visa", "amex")},
        "card_settlements: visa, amex missing",
    ),
    (publishing.BUILT_FROM_PROVISIONAL, {}, "built from a provisional publication"),
    (publishing.BUILD_PENDING, {}, "all inputs are published; build pending"),
]

TIMELINESS: list[Case] = [
    (
        timeliness.CLOSED_ON_WEEKDAY,
        {"calendar": "TARGET", "business_date": DAY, "weekday": "Saturday"},
        "TARGET: 2026-11-20 is a Saturday",
    ),
    (
        timeliness.CLOSED_ON_HOLIDAY,
        {"calendar": "TARGET", "business_date": DAY, "holiday": "Labour Day"},
        "TARGET: 2026-11-20 is Labour Day",
    ),
    (
        timeliness.SOURCE_DUE,
        {"source": "visa", "expected_by": AT, "usual_lateness": None},
        "visa: expected by 2026-11-21 04:00 UTC",
    ),
    (
        timeliness.SOURCE_DUE,
        {"source": "visa", "expected_by": AT, "usual_lateness": "every Monday by 2 h"},
        "visa: expected by 2026-11-21 04:00 UTC; usual lateness: every Monday by 2 h",
    ),
    (
        timeliness.SOURCE_LATE,
        {"source": "visa", "expected_by": AT, "late_by": timedelta(hours=2, minutes=25), "usual_lateness": None},
        "visa: expected by 2026-11-21 04:00 UTC, 2 h 25 min late",
    ),
    (
        timeliness.SOURCE_LATE,
        {
            "source": "visa",
            "expected_by": AT,
            "late_by": timedelta(minutes=25),
            "usual_lateness": "every Monday by 2 h",
        },
        "visa: expected by 2026-11-21 04:00 UTC, 25 min late; usual lateness: every Monday by 2 h",
    ),
    (
        timeliness.FILE_DUE,
        {"reason": "visa: no file yet", "expected_by": AT},
        "visa: no file yet; expected by 2026-11-21 04:00 UTC",
    ),
    (
        timeliness.FILE_LATE,
        {"reason": "visa: no file yet", "expected_by": AT, "late_by": timedelta(days=3)},
        "visa: no file yet; expected by 2026-11-21 04:00 UTC, 3 days late",
    ),
    (
        timeliness.RECURRING_LATENESS,
        {"weekday": "Monday", "late_by": timedelta(hours=2), "note": ""},
        "every Monday by 2 h",
    ),
    (
        timeliness.RECURRING_LATENESS,
        {"weekday": "Monday", "late_by": timedelta(hours=2), "note": "batch window"},
        "every Monday by 2 h (batch window)",
    ),
    (timeliness.DEADLINE_PASSED, {"deadline": AT}, "the deadline was 2026-11-21 04:00 UTC"),
    (timeliness.NOTHING_DUE_YET, {"due_at": AT}, "nothing is due before 2026-11-21 04:00 UTC"),
    (
        timeliness.FIRST_DATE_DUE,
        {"watermark": None, "due": DAY, "due_at": AT},
        "no date is complete yet; 2026-11-20 is due by 2026-11-21 04:00 UTC",
    ),
    (
        timeliness.FIRST_DATE_OVERDUE,
        {"watermark": None, "due": DAY, "due_at": AT},
        "no date is complete yet; 2026-11-20 has been overdue since 2026-11-21 04:00 UTC",
    ),
    (
        timeliness.NEXT_DATE_DUE,
        {"watermark": date(2026, 11, 19), "due": DAY, "due_at": AT},
        "complete through 2026-11-19; 2026-11-20 is due by 2026-11-21 04:00 UTC",
    ),
    (
        timeliness.MART_OUTDATED,
        {"dates": 1, "shown": [DAY], "more": 0},
        "1 date is outdated, because an input has a newer generation: 2026-11-20",
    ),
    (
        timeliness.MART_OUTDATED,
        {"dates": 3, "shown": [date(2026, 11, 19), DAY], "more": 1},
        "3 dates are outdated, because an input has a newer generation: 2026-11-19, 2026-11-20 and 1 more",
    ),
    (
        timeliness.NEXT_DATE_OVERDUE,
        {"watermark": date(2026, 11, 19), "due": DAY, "due_at": AT},
        "complete through 2026-11-19; 2026-11-20 has been overdue since 2026-11-21 04:00 UTC",
    ),
    (
        timeliness.CLOSED_FOR_CORRECTIONS,
        {"business_date": DAY, "closed_at": AT, "command": "settlement backfill x --from 2026-11-20 --to 2026-11-20"},
        "2026-11-20 closed at 2026-11-21 04:00 UTC; later corrections need a backfill: settlement backfill x --from 2026-11-20 --to 2026-11-20",
    ),
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

LANDING: list[Case] = [
    (
        landing.NO_FILE_YET,
        {"source": "visa", "key": "2026-11-20/visa/cards.csv"},
        "visa: no file 2026-11-20/visa/cards.csv yet",
    ),
    (
        landing.NOT_ARRIVED_BY,
        {"source": "visa", "moment": LATER},
        "visa: had not arrived by 2026-11-21 06:30:15 UTC",
    ),
    (
        landing.DATA_FILE_MISSING,
        {"source": "visa", "key": "cards.control.json"},
        "visa: the data file has not arrived (only cards.control.json)",
    ),
    (
        landing.CONTROL_FILE_MISSING,
        {"source": "visa", "key": "cards.csv"},
        "visa: the control file has not arrived (only cards.csv)",
    ),
    (
        landing.FILES_TO_CHECK,
        {"sources": ["amex", "visa"]},
        "to be checked: the files of amex, visa have other time stamps than those on record; the next scan reads them again",
    ),
    (
        landing.LINK_NOT_FOLLOWED,
        {"source": "visa", "key": "2026-11-20/visa"},
        "visa: 2026-11-20/visa is a symbolic link, which is not followed; put the file or folder itself there",
    ),
    (
        landing.DATA_FILE_NEWER,
        {"source": "visa", "key": "cards.csv"},
        "visa: cards.csv is newer than its control file, so it is still being delivered",
    ),
    (
        landing.BOTH_FORMS_DELIVERED,
        {"plain": "cards.csv", "gzipped": "cards.csv.gz"},
        "cards.csv and cards.csv.gz were both delivered, and nothing says which counts. Remove one of them, or deliver the next version.",
    ),
    (
        landing.VERSION_SUPERSEDED,
        {"source": "visa", "newest": 3, "version": 1},
        "visa: version 3 was delivered and its files are missing; version 1 does not replace it",
    ),
    (
        landing.FILE_MISSING,
        {"source": "visa", "key": "cards.csv", "observed_at": AT},
        "visa: cards.csv, observed 2026-11-21 04:00 UTC, is missing",
    ),
    (
        landing.FILE_MISSING_OLDER_VERSION,
        {"source": "visa", "key": "cards.2.csv", "observed_at": AT, "version": 1},
        "visa: cards.2.csv, observed 2026-11-21 04:00 UTC, is missing; version 1 does not replace it",
    ),
    (
        landing.FILE_MISSING_OLDER_FILE,
        {"source": "visa", "key": "cards.csv", "observed_at": AT},
        "visa: cards.csv, observed 2026-11-21 04:00 UTC, is missing; an older file is in its place",
    ),
    (
        landing.PUBLISHED_FILE_MISSING,
        {"source": "visa", "generation": 2, "key": "cards.csv"},
        "visa: generation 2 has cards.csv, whose files are missing; deliver them again",
    ),
    (
        landing.DELIVERY_TOO_LARGE,
        {"most_bytes": 20_000_000_000},
        "larger than the limit of 20,000,000,000 bytes, uncompressed. Deliver it in parts, or raise `limits` in the declaration of the dataset",
    ),
    (
        landing.LINE_TOO_LONG,
        {"most_bytes": 2_000_000},
        "longer than the limit of 2,000,000 bytes of a line. Deliver lines of at most this length",
    ),
    (
        landing.DECLARED_DIFFERS,
        {"field": "source", "declared": "'amex'", "actual": "'visa'"},
        "source: declared 'amex', is 'visa'",
    ),
    (landing.CURRENCY_WITHOUT_ROWS, {"currency": "EUR"}, "EUR: declared, but no row has it"),
    (landing.CURRENCY_UNDECLARED, {"currency": "EUR"}, "EUR: has rows, but is not declared"),
    (
        landing.TOTAL_DIFFERS,
        {"currency": "EUR", "column": "amount_minor", "declared": "1,000", "measured": "999", "difference": -1},
        "EUR amount_minor: declared 1,000, measured 999 (off by -1)",
    ),
    (
        landing.TOTAL_DIFFERS_WITHHELD,
        {"currency": "EUR", "column": "amount_minor", "withheld": "[withheld]"},
        "EUR amount_minor: declared and measured differ [withheld]",
    ),
]

CONTROL_FILES: list[Case] = [
    (
        landing.CONTROL_FILE_TOO_LARGE,
        {"limit": 4_194_304},
        "it is larger than the 4,194,304 bytes that a control file may have",
    ),
    (landing.CONTROL_FILE_NOT_UTF8, {"byte": 1234}, "it is not UTF-8 (byte 1234)"),
    (
        landing.CONTROL_FILE_NOT_JSON,
        {"line": 2, "column": 5, "fault": "Expecting value"},
        "it is not JSON: line 2, column 5: Expecting value",
    ),
    (landing.CONTROL_FILE_NUMBER_TOO_LONG, {}, "it has a number with more digits than any total has"),
    (landing.CONTROL_FILE_NESTED_TOO_DEEP, {}, "its JSON is nested too deeply"),
    (landing.CONTROL_FILE_NOT_OBJECT, {"value": "an array"}, "it must be a JSON object, not an array"),
    (landing.MEMBER_NAME_WITHHELD, {"withheld": "[withheld]"}, "the name of a member is [withheld]"),
    (landing.MEMBER_DOUBLED, {"member": "'rows'"}, "member 'rows' occurs more than once"),
    (landing.MEMBER_MISSING, {"member": "rows"}, "member 'rows' is missing"),
    (
        landing.MEMBER_OF_OTHER_TYPE,
        {"member": "rows", "wanted": "an integer", "value": "'3'"},
        "member 'rows' must be an integer, not '3'",
    ),
    (
        landing.NUMBER_NOT_INTEGER,
        {"name": "total 'fee_minor' of 'EUR'", "value": "1.5"},
        "total 'fee_minor' of 'EUR' must be an integer, not 1.5",
    ),
    (
        landing.NUMBER_NOT_DECIMAL,
        {"name": "total 'fee' of 'EUR'", "value": "'1.5'"},
        "total 'fee' of 'EUR' must be a decimal number, not '1.5'",
    ),
    (
        landing.NUMBER_TOO_LONG,
        {"name": "total 'fee' of 'EUR'", "limit": 100},
        "total 'fee' of 'EUR' has more than 100 digits",
    ),
    (landing.ROWS_NEGATIVE, {"rows": "-1"}, "member 'rows' must not be negative (-1)"),
    (landing.ROWS_TOO_MANY, {"limit": 10**12 - 1}, "member 'rows' must not be more than 999,999,999,999"),
    (landing.CURRENCY_UNPRINTABLE, {"currency": "'E\\nR'"}, "totals of 'E\\nR': the name must be printable text"),
    (landing.CURRENCY_WITHHELD, {"withheld": "[withheld]"}, "totals of a currency whose name is [withheld]"),
    (landing.TOTALS_NOT_OBJECT, {"currency": "'EUR'", "value": "7"}, "totals of 'EUR' must be an object, not 7"),
    (landing.TOTAL_MISSING, {"currency": "'EUR'", "column": "fee_minor"}, "totals of 'EUR' lack 'fee_minor'"),
]

RELIABILITY: list[Case] = [
    (
        reliability.FAILURES_IN_A_ROW,
        {"failures": 1, "last_at": LATER, "detail": "no answer"},
        "1 failure in a row, the last at 2026-11-21 06:30:15 UTC: no answer",
    ),
    (
        reliability.FAILURES_IN_A_ROW,
        {"failures": 5, "last_at": LATER, "detail": "no answer"},
        "5 failures in a row, the last at 2026-11-21 06:30:15 UTC: no answer",
    ),
    (
        reliability.LAUNCHES_BLOCKED,
        {"until": LATER},
        "nothing is launched until 2026-11-21 06:30:15 UTC, then one probe",
    ),
    (reliability.PROBE_ALLOWED, {}, "one probe may be launched"),
    (reliability.PROBE_RUNNING, {}, "a probe is running; nothing else is launched"),
    (reliability.HANDED_TO_OPERATOR, {"openings": 3}, "it opened 3 times in a row; an operator has to act"),
    (
        reliability.RETRY_STORM,
        {"retries": 11, "datasets": ("a", "b"), "since": LATER, "threshold": 10},
        "11 retries since 2026-11-21 06:30:15 UTC, above the limit of 10 an hour: a, b",
    ),
    (reliability.RUN_IN_PROGRESS, {}, "a run is building it"),
    (
        reliability.NEXT_TRY_DUE,
        {"tries": 1, "due_at": LATER},
        "1 try did not publish it; the next is due at 2026-11-21 06:30:15 UTC",
    ),
    (
        reliability.NEXT_TRY_DUE,
        {"tries": 2, "due_at": LATER},
        "2 tries did not publish it; the next is due at 2026-11-21 06:30:15 UTC",
    ),
]

QUEUE: list[Case] = [
    (queue.MAINTAINS_STORES, {}, "it maintains the stores and publishes nothing"),
    (queue.OPERATOR_WAITS, {"action": "release"}, "an operator waits for release"),
    (queue.PART_OF_BACKFILL, {"backfill": "qwerty"}, "it is part of backfill qwerty"),
    (queue.REPEATS_RUN, {"service_class": "backfill"}, "it repeats a backfill run"),
    (queue.NAMES_NO_DATE, {}, "it names no business date"),
    (
        queue.COVERS_MANY_DATES,
        {"first": date(2026, 11, 19), "last": DAY},
        "it covers many dates, 2026-11-19 to 2026-11-20",
    ),
    (queue.DATE_OPEN, {"business_date": DAY, "closes_at": AT}, "2026-11-20 is open until 2026-11-21 04:00 UTC"),
    (
        queue.RESTATES_OPEN_DATE,
        {"business_date": DAY, "closes_at": AT},
        "it restates 2026-11-20, which is open until 2026-11-21 04:00 UTC",
    ),
    (
        queue.RESTATES_CLOSED_DATE,
        {"business_date": DAY, "closes_at": AT},
        "it restates 2026-11-20, which closed at 2026-11-21 04:00 UTC",
    ),
    (
        queue.DATE_CLOSED,
        {"business_date": DAY, "closes_at": AT},
        "it is for 2026-11-20, which closed at 2026-11-21 04:00 UTC",
    ),
    (queue.LAUNCHED_BY, {"launched_by": "the sensor"}, "launched by the sensor"),
    (
        queue.PRIORITY_AGED,
        {"base": 5, "waited": timedelta(hours=2, minutes=30)},
        "its priority was 5; it has waited for 2 h 30 min",
    ),
    (
        queue.WAITED_LONGEST,
        {"base": 5, "waited": timedelta(hours=7)},
        "its priority was 5; it has waited for 7 h, longer than all others",
    ),
    (
        queue.WRITE_BUDGET_SPENT,
        {"service_class": "backfill", "dataset": "card_settlements", "limit": "150", "written": "600", "wait": 3.04},
        "backfill writes to card_settlements are limited to 150 MB/s; the 600 MB of the last minute use up that limit for 3.0 s more",
    ),
    (queue.DAEMON_STOPPED, {}, "no Dagster daemon is running; start one to resume"),
    (queue.BACKFILL_ENDING, {}, "it is being canceled; no run of it is started any more"),
    (queue.BACKFILL_PAUSED, {"paused": "ana: month end"}, "it is paused by ana: month end"),
    (queue.RUNS_NOT_REQUESTED, {}, "its runs are not requested yet; the daemon does that every few seconds"),
    (queue.RUNS_QUEUED, {"runs": 1, "slots_taken": ""}, "1 run waits in the queue"),
    (
        queue.RUNS_QUEUED,
        {"runs": 3, "slots_taken": "3 runs have all 3 slots"},
        "3 runs wait in the queue: 3 runs have all 3 slots",
    ),
    (queue.DATES_WAITING, {"dates": 1}, "1 date waits for files or for an operator"),
    (queue.DATES_WAITING, {"dates": 2}, "2 dates wait for files or for an operator"),
    (queue.PUBLISHED_ALREADY, {}, "published already"),
    (queue.NOT_MADE_FROM_FILE, {}, "the current publication was not made from that file"),
    (queue.LAST_TRY_SUCCEEDED, {}, "the last try succeeded"),
    (queue.LAST_TRY_WAITS, {}, "the last try waits for files or for an operator"),
    (queue.NEVER_TRIED, {}, "never tried"),
]

MAINTENANCE: list[Case] = [
    (
        maintenance.TOO_FEW_SMALL_FILES,
        {"files": 2, "fewest": 8},
        "2 small files: fewer than 8, or of different columns",
    ),
    (
        maintenance.FILES_WITH_DELETED_ROWS,
        {"files": 1},
        "1 small file has deleted rows, which older snapshots still show",
    ),
    (
        maintenance.FILES_WITH_DELETED_ROWS,
        {"files": 3},
        "3 small files have deleted rows, which older snapshots still show",
    ),
    (maintenance.FILES_LARGE_ENOUGH, {"files": 1, "small_bytes": 8388608}, "1 file has 8,388,608 bytes or more"),
    (maintenance.FILES_LARGE_ENOUGH, {"files": 3, "small_bytes": 8388608}, "3 files have 8,388,608 bytes or more"),
    (
        maintenance.CATALOG_SUSPICIOUS,
        {"orphans": 2, "known": 1},
        "the catalog names 1 file and not 2 others; check that it is this lake's catalog",
    ),
    (
        maintenance.UNNEEDED_BY_SNAPSHOTS,
        {"grace": timedelta(hours=24)},
        "no snapshot has needed them for 24 h, longer than any read takes",
    ),
    (
        maintenance.FILES_BECAUSE,
        {"files": 1, "reason": "its input was staged again"},
        "1 file: its input was staged again",
    ),
    (
        maintenance.FILES_BECAUSE,
        {"files": 3, "reason": "its input was staged again"},
        "3 files: its input was staged again",
    ),
    (
        maintenance.ORPHANED_BEFORE_COMMIT,
        {},
        "the catalog does not name them; the process that wrote them died before the commit",
    ),
    (maintenance.STAGING_NOT_ON_RECORD, {}, "nothing on record names it"),
    (maintenance.STAGED_AGAIN, {}, "its input was staged again"),
    (maintenance.REPLACED_BEFORE_VERDICT, {}, "its source delivered again before it was validated"),
]

OPERATORS: list[Case] = [
    (
        operators.ROLE_MISSING,
        {"action": "rollback", "role": "operator", "actor": "dora", "members": ("ana", "ben")},
        "rollback needs the role 'operator', which dora does not have (members: ana, ben).",
    ),
    (
        operators.ACTOR_MISSING,
        {"action": "pause", "dataset": "card_settlements"},
        "pause card_settlements needs an actor.",
    ),
    (operators.NOTE_MISSING, {"what": "pause card_settlements"}, "pause card_settlements needs a reason."),
    (operators.ALREADY_PAUSED, {"dataset": "card_settlements", **BY}, f"card_settlements is paused already, {BY_ANA}."),
    (operators.NOT_PAUSED, {"dataset": "card_settlements"}, "card_settlements is not paused."),
    (
        operators.BREAKER_IS_CLOSED,
        {"breaker": "lake"},
        "The circuit breaker of lake is closed already: it blocks nothing.",
    ),
    (
        operators.NOT_A_BUSINESS_DATE,
        {"business_date": DAY, "first_date": date(2026, 11, 21), "today": date(2026, 11, 22)},
        "2026-11-20 is outside the business dates, 2026-11-21 to 2026-11-22 (today).",
    ),
    (
        operators.NOT_SKIPPED,
        ON | {"reason": "generation 1 (final) is published"},
        f"{ON_DATE} is not skipped: generation 1 (final) is published.",
    ),
    (operators.NOTHING_TO_APPROVE, ON, f"Nothing of {ON_DATE} waits for approval."),
    (operators.APPROVAL_OF_REFUSED, ON, f"{ON_DATE} failed its checks; an approval cannot publish it."),
    (
        operators.APPROVAL_OF_OWN_RELEASE,
        ON | {"actor": "ana"},
        f"ana released {ON_DATE}; somebody else has to approve it.",
    ),
    (operators.NOT_IN_QUARANTINE, ON | {"state": State.FINAL}, f"{ON_DATE} is not in quarantine; it is final."),
    (
        operators.WAITS_FOR_APPROVAL,
        ON | {"reason": "4 rows differ"},
        f"{ON_DATE} needs no release, it waits for approval: 4 rows differ.",
    ),
    (
        operators.FINDINGS_DIFFER,
        ON | {"words": "not named: a", "not_named": ["a"], "not_failing": []},
        f"A release of {ON_DATE} must name exactly the checks that failed (not named: a).",
    ),
    (operators.DELIVERED_AGAIN, ON, f"{ON_DATE} has been delivered again meanwhile; check it again."),
    (
        operators.CARD_NUMBERS_WITHHELD,
        ON | {"keys": ["a.csv", "b.csv"]},
        f"{ON_DATE} cannot be released: of a.csv, b.csv the card numbers are withheld from staging.",
    ),
    (
        operators.FILES_UNREADABLE,
        ON | {"keys": ["a.csv"]},
        f"{ON_DATE} cannot be released: not all of a.csv could be read.",
    ),
    (
        operators.NOT_ROLLED_BACK,
        ON | {"reason": "generation 3 does not exist"},
        f"{ON_DATE} is not rolled back: generation 3 does not exist.",
    ),
    (
        operators.GENERATION_EXPIRED,
        ON | {"generation": 1, "replaced_on": date(2026, 11, 22), "retention": "400 days"},
        f"{ON_DATE} is not rolled back: generation 1 was replaced on 2026-11-22, and the lake keeps what readers saw within 400 days.",
    ),
    (operators.TIDYING_RUNNING, {}, "Another tidying is running."),
    (
        operators.MART_FOLLOWS_INPUTS,
        {"mart": "merchant_daily_net", "inputs": ("card_settlements", "chargebacks")},
        "merchant_daily_net is a mart: it follows card_settlements, chargebacks.",
    ),
    (
        operators.BACKFILL_ENDED,
        {"backfill": "abcdefgh", "status": "COMPLETED_SUCCESS"},
        "Backfill abcdefgh has ended: COMPLETED_SUCCESS.",
    ),
    (operators.BACKFILL_NOT_PAUSED, {"backfill": "abcdefgh"}, "Backfill abcdefgh is not paused."),
    (
        operators.PAUSED_RUNS_NOT_LIMITED,
        {},
        "The dagster.yaml of this instance does not keep paused runs in the queue.",
    ),
]

ALERTS: list[Case] = [
    (
        alerts.LATE_MEANS,
        {"dataset": "card_settlements", "business_date": DAY},
        "readers get no new data of card_settlements 2026-11-20; what is published stays as it is",
    ),
    (
        alerts.LATE_BESIDE_PROVISIONAL_MEANS,
        {"dataset": "card_settlements", "business_date": DAY, "generation": 1, "missing": ("amex",)},
        "readers see generation 1 of card_settlements 2026-11-20, which is provisional without amex, until the rest arrives",
    ),
    (alerts.FILES_LATE, {"reasons": ["visa is late", "amex is late"]}, "visa is late; amex is late"),
    (alerts.DATE_HELD, {"reasons": ["a check failed", "another failed"]}, "a check failed; another failed"),
    (alerts.APPROVAL_PENDING, {"reasons": ["4 rows differ"]}, "it waits for approval: 4 rows differ"),
    (
        alerts.QUARANTINE_MEANS,
        {"business_date": DAY},
        "readers see nothing of 2026-11-20, and no later date counts as complete before it",
    ),
    (
        alerts.QUARANTINE_BESIDE_PUBLISHED_MEANS,
        {"business_date": DAY, "generation": 2, "state": State.FINAL},
        "readers still see generation 2 (final) of 2026-11-20",
    ),
    (
        alerts.PROVISIONAL,
        {"generation": 1, "missing": ("amex",), "completeness": 2 / 3},
        "generation 1 is provisional, without amex (67% of the sources)",
    ),
    (
        alerts.PROVISIONAL_MEANS,
        {"business_date": DAY, "missing": ("amex",)},
        "the figures of 2026-11-20 lack amex and will change; those of the schema `final` leave it out",
    ),
    (
        alerts.PROVISIONAL_REPLACED,
        {"generation": 2, "state": State.FINAL},
        "generation 2 (final) replaced the provisional one",
    ),
    (
        alerts.RESTATED,
        {"generation": 3, "actor": "ines", "note": "a corrected file"},
        "restated as generation 3 by ines: a corrected file",
    ),
    (
        alerts.ROLLED_BACK,
        {"generation": 3, "actor": "ines", "note": "the provider confirmed it"},
        "rolled back as generation 3 by ines: the provider confirmed it",
    ),
    (
        alerts.RESTATED_MEANS,
        {"business_date": DAY, "marts": ()},
        "figures of 2026-11-20 that were read before are out of date",
    ),
    (
        alerts.RESTATED_MEANS,
        {"business_date": DAY, "marts": ("merchant_daily_net",)},
        "figures of 2026-11-20 that were read before are out of date; outdated marts: merchant_daily_net",
    ),
    (alerts.RESTATEMENT_FOLLOWED, {}, "all marts that read it are up to date"),
    (
        alerts.FRESHNESS_AT_RISK,
        {"due": DAY, "due_at": AT, "left": timedelta(minutes=40)},
        "2026-11-20 is due by 2026-11-21 04:00 UTC, in 40 min, and is not published",
    ),
    (
        alerts.FRESHNESS_AT_RISK_MEANS,
        {"readers": ("card_settlements", "merchant_daily_net"), "due": DAY},
        "card_settlements, merchant_daily_net cannot be relied on from 2026-11-20 on if it is not published by then",
    ),
    (
        alerts.FRESHNESS_MISSED,
        {"reasons": ["no date is complete yet", "visa is late"]},
        "no date is complete yet; visa is late",
    ),
    (
        alerts.FRESHNESS_MISSED_MEANS,
        {"readers": ("card_settlements", "merchant_daily_net"), "due": DAY},
        "card_settlements, merchant_daily_net cannot be relied on from 2026-11-20 on",
    ),
    (
        alerts.WORK_ORPHANED,
        {"step": "publish", "began_at": AT},
        "the step publish began at 2026-11-21 04:00 UTC and never ended",
    ),
    (
        alerts.WORK_ORPHANED_MEANS,
        {"business_date": DAY},
        "nothing half-done of 2026-11-20 is visible; it stays as it is until it is run again",
    ),
    (
        alerts.BREAKER_RETRIES,
        {"since": AT, "until": LATER, "reasons": ["5 failures in a row", "no answer"]},
        "open since 2026-11-21 04:00 UTC, tried again at 2026-11-21 06:30 UTC; 5 failures in a row; no answer",
    ),
    (
        alerts.BREAKER_WAITS,
        {"since": AT, "until": None, "reasons": ()},
        "open since 2026-11-21 04:00 UTC, it waits for an operator",
    ),
    (
        alerts.BREAKER_MEANS,
        {"name": "lake"},
        "nothing new that needs lake is published; what is published stays readable",
    ),
    (
        alerts.BREAKER_HANDED_OVER,
        {"since": AT, "reasons": ["it opened 3 times in a row"]},
        "handed to an operator, open since 2026-11-21 04:00 UTC; it opened 3 times in a row",
    ),
    (
        alerts.BREAKER_HANDED_OVER_MEANS,
        {"name": "lake"},
        "nothing new that needs lake is published before it is fixed; what is published stays readable",
    ),
    (alerts.RETRIES_SINCE, {"since": AT, "reasons": ["11 retries"]}, "since 2026-11-21 04:00 UTC; 11 retries"),
    (alerts.RETRIES_MEAN, {}, "dates may be published later than usual; nothing is published twice"),
    (
        alerts.BACKFILL_STALLED,
        {"done": 10, "requested": 30, "idle": timedelta(hours=3)},
        "10 of 30 partitions are done, and none in the last 3 h",
    ),
    (
        alerts.BACKFILL_STALLED_MEANS,
        {"dates": 1},
        "1 older date stays as before; current dates have slots of their own",
    ),
    (
        alerts.BACKFILL_STALLED_MEANS,
        {"dates": 20},
        "20 older dates stay as before; current dates have slots of their own",
    ),
    (
        alerts.EPISODE_ENDED,
        {"ending": "the date is published", "lasted": timedelta(minutes=1)},
        "the date is published; it lasted 1 min",
    ),
    (alerts.NOTHING_TO_DO, {}, "nothing is left to do about it"),
    (alerts.FILES_ARRIVED, {}, "no file is waited for any more"),
    (alerts.NO_LONGER_PROVISIONAL, {}, "readers see the complete date"),
    (alerts.NO_LONGER_HELD, {}, "it is no longer in quarantine, nor waits for approval"),
    (alerts.BREAKER_CLOSED, {}, "the circuit breaker is closed; runs have resumed"),
    (alerts.DATE_PUBLISHED, {}, "the date is published"),
    (alerts.READERS_UP_TO_DATE, {}, "readers have all that they were promised"),
    (alerts.BACKFILL_RESUMED, {}, "it resumed, or has ended"),
    (
        alerts.RUN_STALLED,
        {"dataset": "card_settlements", "first": DAY, "last": DAY, "began_at": AT, "idle": timedelta(hours=2)},
        "the run of card_settlements 2026-11-20 to 2026-11-20 began at 2026-11-21 04:00 UTC, and no step of it has begun or ended for 2 h",
    ),
    (
        alerts.RUN_STALLED_MEANS,
        {"queued": 0},
        "its dates that are not published yet stay as they are; its slot is taken",
    ),
    (
        alerts.RUN_STALLED_MEANS,
        {"queued": 3},
        "its dates that are not published yet stay as they are; its slot is taken, and 3 runs wait in the queue",
    ),
    (alerts.RUN_PROGRESSED, {}, "it progressed, or has ended"),
    (
        alerts.WORK_NOT_RETRIED,
        {"step": "stage", "failed_at": AT, "detail": "staging did not answer"},
        "the step stage failed at 2026-11-21 04:00 UTC, and nothing has tried again since: staging did not answer",
    ),
    (alerts.RETRIES_ENDED, {}, "the retries have ended"),
    (alerts.WORK_RESUMED, {}, "the date has been run again"),
    (alerts.EPISODE_OVER, {}, "it is over"),
]

BEGAN = "began 2026-11-21 04:00:00 UTC in run 0123"
STEP = {"began": BEGAN, "step": "stage", "last_at": LATER}

ATTEMPTS: list[Case] = [
    (
        reliability.ATTEMPT_BEGAN,
        {"began_at": AT, "retry": 2, "run_id": "0123"},
        "began 2026-11-21 04:00:00 UTC, retry 2 in run 0123",
    ),
    (reliability.ATTEMPT_BEGAN, {"began_at": AT, "retry": 0, "run_id": ""}, "began 2026-11-21 04:00:00 UTC"),
    (
        reliability.ATTEMPT_ENDED,
        {**STEP, "outcome": "failed", "dependency": "lake", "detail": "no answer"},
        f"{BEGAN}: failed in step stage at 2026-11-21 06:30:15 UTC; lake did not answer: no answer",
    ),
    (
        reliability.ATTEMPT_ENDED,
        {**STEP, "outcome": "succeeded", "dependency": "", "detail": ""},
        f"{BEGAN}: succeeded in step stage at 2026-11-21 06:30:15 UTC",
    ),
    (reliability.ATTEMPT_IN_PROGRESS, STEP, f"{BEGAN}: in step stage since 2026-11-21 06:30:15 UTC"),
    (reliability.ATTEMPT_DIED, STEP, f"{BEGAN}: died in step stage, not heard of since 2026-11-21 06:30:15 UTC"),
    (
        reliability.ATTEMPT_DIED_AT_SOURCE,
        {**STEP, "source": "amex"},
        f"{BEGAN}: died in step stage, at amex, not heard of since 2026-11-21 06:30:15 UTC",
    ),
    (
        reliability.SOURCE_STAGED,
        {"source": "visa", "rows": 1_234},
        "visa: staged whole in that run, 1,234 rows",
    ),
    (
        reliability.SOURCE_NOT_STAGED,
        {"source": "amex"},
        "amex: not staged, is read again from record 1 on",
    ),
]

DOES = "stages, validates and publishes it"
BUILDS = "the sensor marts_follow requests the run that builds it"

NEXT_STEPS: list[Case] = [
    (next_steps.FILES_READ_AT_NEXT_TICK, {"reason": None}, "the next tick of its sensor reads its files and decides"),
    (
        next_steps.FILES_READ_AT_NEXT_TICK,
        {"reason": "2026-11-20 closed"},
        "the next tick of its sensor reads its files and decides; 2026-11-20 closed",
    ),
    (
        next_steps.RUN_WHEN_LAUNCHES_RESUME,
        {"does": DOES},
        f"its sensor requests the run that {DOES} as soon as it may launch runs again",
    ),
    (
        next_steps.RUN_AT_CATCH_UP,
        {"does": DOES},
        f"its sensor requests the run that {DOES}: it closed long ago, and such dates are taken a few at a time",
    ),
    (
        next_steps.RUN_AT_NEXT_TICK,
        {"does": "records it"},
        "the next tick of its sensor requests the run that records it, unless one is on its way",
    ),
    (next_steps.BUILD_WHEN_LAUNCHES_RESUME, {}, f"{BUILDS} as soon as it may launch runs again"),
    (next_steps.BUILD_AT_NEXT_TICK, {}, f"{BUILDS} at its next tick, unless one is on its way"),
    (
        next_steps.BUILD_AFTER_INPUTS,
        {"awaited": ["a is published", "b is published whole"]},
        f"{BUILDS} once a is published and b is published whole",
    ),
    (
        next_steps.BUILD_AFTER_INPUTS_WHEN_LAUNCHES_RESUME,
        {"awaited": ["a is published"]},
        f"{BUILDS} once a is published and it may launch runs again",
    ),
    (next_steps.INPUT_PUBLISHED, {"dataset": "card_settlements"}, "card_settlements is published"),
    (next_steps.INPUT_PUBLISHED_WHOLE, {"dataset": "card_settlements"}, "card_settlements is published whole"),
    (
        next_steps.INPUT_FOLLOWS,
        {"dataset": "card_settlements", "reason": "its sensor reads it"},
        "card_settlements: its sensor reads it",
    ),
    (next_steps.RUN_COMMAND, {"command": "settlement doctor", "remark": None}, "settlement doctor"),
    (
        next_steps.RUN_COMMAND,
        {"command": f"settlement quarantine show {ON_DATE}", "remark": "a corrected file supersedes it"},
        f"settlement quarantine show {ON_DATE}; a corrected file supersedes it",
    ),
    (next_steps.NO_STEP, {"remark": "it is published"}, "nothing; it is published"),
    (
        next_steps.NO_STEP_UNTIL_LAUNCHES_RESUME,
        {"remark": "settlement doctor tries at once"},
        "nothing until sensors and schedules launch again; settlement doctor tries at once",
    ),
    (next_steps.NO_STEP_UNTIL_CORRECTED, {}, "nothing until a corrected file arrives"),
    (next_steps.NO_STEP_UNTIL_FILES_ARRIVE, {}, "nothing until the files arrive"),
    (next_steps.STEPS_OF_INPUTS, {"steps": ["do this", "do that"]}, "do this; do that"),
    (
        next_steps.PRESENT_EXPLAINED,
        {"command": f"settlement explain {ON_DATE}"},
        f"settlement explain {ON_DATE} shows what to do now",
    ),
    (next_steps.COMMAND_TRIES, {"command": "settlement materialize"}, "settlement materialize tries at once"),
    (next_steps.PUBLISHED_REMARK, {}, "it is published"),
    (next_steps.BEFORE_FIRST_DATE_REMARK, {}, "it is before SETTLEMENT_FIRST_DATE"),
    (next_steps.BEFORE_DECLARED_FIRST_DATE_REMARK, {}, "it is before the declared first date"),
    (next_steps.RECORDED_AUTOMATICALLY, {}, "it will be recorded automatically"),
    (next_steps.CORRECTION_SUPERSEDES, {}, "a corrected file supersedes it"),
    (
        next_steps.EITHER_SUPERSEDES,
        {"mart": "merchant_daily_net", "inputs": ("card_settlements", "chargebacks")},
        "a corrected merchant_daily_net.sql, or another generation of card_settlements or chargebacks, supersedes it",
    ),
    (next_steps.AFTER_RESUME, {"then": "nothing until the files arrive"}, "then nothing until the files arrive"),
    (next_steps.INPUT_STATE, {"dataset": "card_settlements", "state": "late"}, "card_settlements is late"),
    (
        next_steps.INPUT_STATE,
        {"dataset": "card_settlements", "state": "late", "remark": "it is published"},
        "card_settlements is late: it is published",
    ),
]

STATUS: list[Case] = [
    (
        publishing.DATE_STATE,
        {"business_date": DAY, "state": State.LATE, "reason": "visa: no file yet"},
        "2026-11-20 is late: visa: no file yet",
    ),
    (
        publishing.DATE_STATE_BESIDE_PUBLISHED,
        {
            "business_date": DAY,
            "state": State.QUARANTINED,
            "generation": 1,
            "published_state": State.FINAL,
            "reason": "a check failed",
        },
        "2026-11-20 is quarantined; generation 1 (final) stays published: a check failed",
    ),
    (publishing.FIRST_DATE_MISSING, {"first_date": DAY}, "2026-11-20, the first business date, is not published"),
    (publishing.MORE_DATES_PENDING, {"dates": 1}, "1 more date is pending; run: settlement quarantine list"),
    (publishing.MORE_DATES_PENDING, {"dates": 4}, "4 more dates are pending; run: settlement quarantine list"),
    (
        publishing.CORRECTIONS_OUTSIDE_WINDOW,
        {"dates": 1, "window_hours": 48.0, "commands": "settlement backfill …"},
        "1 date has a correction outside the 48 h window; run: settlement backfill …",
    ),
    (
        publishing.CORRECTIONS_OUTSIDE_WINDOW,
        {"dates": 2, "window_hours": 48.0, "commands": "settlement backfill …"},
        "2 dates have corrections outside the 48 h window; run: settlement backfill …",
    ),
    (
        publishing.BEFORE_DECLARED_FIRST_DATE,
        {"business_date": DAY, "dataset": "payouts", "first_date": date(2026, 12, 1)},
        "2026-11-20 is before the first date of payouts, 2026-12-01, as declared, so it is not processed",
    ),
    (
        publishing.BEFORE_FIRST_DATE,
        {"business_date": DAY, "first_date": date(2026, 12, 1)},
        "2026-11-20 is before the first date, 2026-12-01 (SETTLEMENT_FIRST_DATE), so it is not processed",
    ),
]

DECLARATIONS: list[Case] = [
    (declarations.OUT_OF_SERVICE, {"fault": "the key is empty"}, "out of service: the key is empty"),
    (
        declarations.NOT_IMPORTED,
        {"module": "settlement_platform.datasets.payouts", "error": "NameError: name 'time' is not defined"},
        "settlement_platform.datasets.payouts cannot be imported: NameError: name 'time' is not defined",
    ),
    (declarations.NOT_A_DECLARATION, {"found": "str", "kind": "Mart"}, "the list has str where a Mart is expected"),
    (
        declarations.NOT_CHECKED,
        {"error": "TypeError: 'int' object is not iterable"},
        "the declaration cannot be read: TypeError: 'int' object is not iterable",
    ),
    (
        declarations.NAME_TAKEN,
        {"name": "payouts"},
        "an earlier declaration has the name payouts; rename one of them",
    ),
    (
        declarations.FIELD_INVALID,
        {"field": "owner", "value": "treasury", "expected": "an e-mail address"},
        "owner is 'treasury'; give an e-mail address",
    ),
    (declarations.NAMED_TWICE, {"field": "key", "name": "payout_id"}, "key names payout_id twice; remove one"),
    (
        declarations.SCHEMA_NOT_COMPILED,
        {"error": "TypeError: Column a has the type binary"},
        "the schema does not compile: TypeError: Column a has the type binary",
    ),
    (
        declarations.COLUMN_MISSING,
        {"column": "business_date", "expected": "date"},
        "the column business_date is not declared; add business_date: date",
    ),
    (
        declarations.COLUMN_TYPE_UNFIT,
        {"column": "rate", "sql_type": "DOUBLE", "expected": "int"},
        "the column rate is DOUBLE; declare it as int",
    ),
    (
        declarations.COLUMN_DOUBLED,
        {"column": "rate"},
        "two columns have the name rate, in upper or lower case; rename one of them",
    ),
    (
        declarations.COLUMN_ADDED_BY_PLATFORM,
        {"column": "source"},
        "the platform itself adds a column source; rename the declared one",
    ),
    (
        declarations.COLUMN_OPTIONAL,
        {"column": "rate"},
        "the column rate is optional, but every file must have it; declare it without Optional, with nullable=True",
    ),
    (
        declarations.COLUMN_UNKNOWN,
        {"field": "key", "column": "id", "known": ["payout_id", "rate"]},
        "key names the column id, which is not declared; name one of payout_id, rate",
    ),
    (
        declarations.COLUMN_NOT_AN_AMOUNT,
        {"field": "control_totals", "column": "note", "sql_type": "VARCHAR"},
        "control_totals names the column note, which is VARCHAR; name a column of integers or decimals",
    ),
    (
        declarations.COLUMN_NEVER_NULL,
        {"field": "null_thresholds", "column": "note"},
        "null_thresholds names the column note, which may not be null; declare it with nullable=True, or remove the threshold",
    ),
    (
        declarations.KEY_IS_ROW_NUMBER,
        {"missing": ["source", "business_date"]},
        "the key is a row's number, which other files have too; add source, business_date to the key",
    ),
    (
        declarations.STEM_NOT_LISTED,
        {"stem": "adyen/{business_date}/sdr", "source": "adyen"},
        "the stem 'adyen/{business_date}/sdr' of adyen is never listed; begin it with '{business_date}/', then plain names",
    ),
    (
        declarations.STEM_SHARED,
        {"source": "bank", "other": "card", "stem": "{business_date}/all"},
        "the files of bank and card have the same names ({business_date}/all); give one of them another stem",
    ),
    (
        declarations.SQL_NOT_BOUND,
        {"subject": "the column net", "error": "Binder Error: there is no gross"},
        "the SQL of the column net is wrong: Binder Error: there is no gross",
    ),
    (
        declarations.SQL_TYPE_DIFFERS,
        {"column": "net", "sql_type": "BIGINT", "found": "VARCHAR"},
        "the column net is declared as BIGINT, but its SQL gives VARCHAR; cast it",
    ),
    (
        declarations.PUBLISHED_OTHERWISE,
        {"error": "The column a is published as BIGINT, but declared as VARCHAR."},
        (
            "what is published of it does not fit its declaration: "
            "The column a is published as BIGINT, but declared as VARCHAR."
        ),
    ),
    (
        declarations.INPUT_UNKNOWN,
        {"input": "payout", "known": ["card_settlements", "payouts"]},
        "its input payout is not a dataset; name some of card_settlements, payouts",
    ),
    (
        declarations.INPUT_OUT_OF_SERVICE,
        {"input": "payouts"},
        "its input payouts is out of service; the mart returns with it",
    ),
]

SENTENCES: list[Case] = [
    *ALERTS,
    *DECLARATIONS,
    *ATTEMPTS,
    *CONTROL_FILES,
    *LANDING,
    *LAUNCHING,
    *MAINTENANCE,
    *MARTS,
    *NEXT_STEPS,
    *OPERATORS,
    *PUBLISHING,
    *QUEUE,
    *RELIABILITY,
    *STATUS,
    *TIMELINESS,
]


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
