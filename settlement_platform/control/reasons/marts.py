"""Reasons of marts: what a mart's date waits for, and why it is provisional."""

from settlement_platform.control.reasons.reason import ReasonTemplate

INPUT_NOT_PUBLISHED = ReasonTemplate("input_not_published", "{dataset}: {business_date} is not published")
INPUT_PROVISIONAL = ReasonTemplate(
    "input_provisional", "{dataset}: {business_date} is provisional; {mart} needs the complete date"
)
INPUT_INCOMPLETE = ReasonTemplate("input_incomplete", "{dataset}: {sources} missing")
BUILT_FROM_PROVISIONAL = ReasonTemplate("built_from_provisional", "built from a provisional publication")
BUILD_PENDING = ReasonTemplate("build_pending", "all inputs are published; build pending")
