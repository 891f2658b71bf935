"""Reasons of a status: why a dataset is not safe to read, and what else its owner should know."""

from settlement_platform.control.reasons.reason import ReasonTemplate

DATE_STATE = ReasonTemplate("date_state", "{business_date} is {state}: {reason}")
DATE_STATE_BESIDE_PUBLISHED = ReasonTemplate(
    "date_state_beside_published",
    "{business_date} is {state}; generation {generation} ({published_state}) stays published: {reason}",
)
FIRST_DATE_MISSING = ReasonTemplate("first_date_missing", "{first_date}, the first business date, is not published")
MORE_DATES_PENDING = ReasonTemplate(
    "more_dates_pending", "{dates:more date is|more dates are} pending; run: settlement quarantine list"
)
CORRECTIONS_OUTSIDE_WINDOW = ReasonTemplate(
    "corrections_outside_window",
    "{dates:date has a correction|dates have corrections} outside the {window_hours:g} h window; run: {commands}",
)
BEFORE_FIRST_DATE = ReasonTemplate(
    "before_first_date",
    "{business_date} is before the first date, {first_date} (SETTLEMENT_FIRST_DATE), so it is not processed",
)
