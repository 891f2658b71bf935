"""Reasons of time: when files are due, how late they are, and which changes come too late."""

from settlement_platform.control.reasons.reason import ReasonTemplate

_USUAL = "; usual lateness: {usual_lateness}"

NO_FILE_EXPECTED = ReasonTemplate("no_file_expected", "no file is expected: {closed}")
CLOSED_ON_WEEKDAY = ReasonTemplate("closed_on_weekday", "{calendar}: {business_date} is a {weekday}")
CLOSED_ON_HOLIDAY = ReasonTemplate("closed_on_holiday", "{calendar}: {business_date} is {holiday}")

SOURCE_DUE = ReasonTemplate("source_due", "{source}: expected by {expected_by}", (_USUAL,))
SOURCE_LATE = ReasonTemplate("source_late", "{source}: expected by {expected_by}, {late_by} late", (_USUAL,))
FILE_DUE = ReasonTemplate("file_due", "{reason}; expected by {expected_by}")
FILE_LATE = ReasonTemplate("file_late", "{reason}; expected by {expected_by}, {late_by} late")
RECURRING_LATENESS = ReasonTemplate("recurring_lateness", "every {weekday} by {late_by}", (" ({note})",))
DEADLINE_PASSED = ReasonTemplate("deadline_passed", "the deadline was {deadline}")
PROVISIONAL_CUT_DUE = ReasonTemplate(
    "provisional_cut_due",
    "provisional cut: the deadline was {deadline}, with {present} of {required} required sources",
)

NOTHING_DUE_YET = ReasonTemplate("nothing_due_yet", "nothing is due before {due_at}")
FIRST_DATE_DUE = ReasonTemplate("first_date_due", "no date is complete yet; {due} is due by {due_at}")
FIRST_DATE_OVERDUE = ReasonTemplate(
    "first_date_overdue", "no date is complete yet; {due} has been overdue since {due_at}"
)
NEXT_DATE_DUE = ReasonTemplate("next_date_due", "complete through {watermark}; {due} is due by {due_at}")
NEXT_DATE_OVERDUE = ReasonTemplate(
    "next_date_overdue", "complete through {watermark}; {due} has been overdue since {due_at}"
)
MART_OUTDATED = ReasonTemplate(
    "mart_outdated",
    "{dates:date is|dates are} outdated, because an input has a newer generation: {shown}",
    (" and {more} more",),
)

CLOSED_FOR_CORRECTIONS = ReasonTemplate(
    "closed_for_corrections", "{business_date} closed at {closed_at}; later corrections need a backfill: {command}"
)
