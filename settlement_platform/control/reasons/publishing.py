"""Reasons of publishing: the decisions of the gate, the inputs of marts, and what a status says of a dataset."""

from settlement_platform.control.reasons.reason import ReasonTemplate

_BY = "by {actor} at {at}: {note}"

ALREADY_PUBLISHED = ReasonTemplate("already_published", "generation {generation} already has exactly this content")
REJUDGED_UNCHANGED = ReasonTemplate(
    "rejudged_unchanged", "today's contract gives the same rows as generation {generation}, so nothing is published"
)
OLDER_CONTRACT = ReasonTemplate(
    "older_contract",
    "{dates:date was|dates were} judged under an older contract; to judge again: settlement materialize {dataset} "
    "--from {first} --to {last} --rejudge --reason TEXT",
)
NOTHING_NEW = ReasonTemplate(
    "nothing_new", "published as generation {generation} ({state}); nothing else has been delivered"
)
VALIDATION_PENDING = ReasonTemplate("validation_pending", "all files have arrived; validation pending")
VALIDATION_WAS_PENDING = ReasonTemplate(
    "validation_was_pending", "all files had arrived by then; validation was pending"
)
VERDICT_MISSING = ReasonTemplate(
    "verdict_missing", "content {content_hash:.12} has no verdict yet; materialize the staged asset first"
)
VERDICT_OUTDATED = ReasonTemplate(
    "verdict_outdated", "the verdict is for content {verdict_content_hash:.12}, not for {content_hash:.12}"
)

CHECKS_PASSED = ReasonTemplate("checks_passed", "no check failed; {checks:check|checks} ran on exactly this content")
CHECK_FAILED = ReasonTemplate("check_failed", "{check}: {message}")
CHECK_WARNED = ReasonTemplate("check_warned", "warning: {check}: {message}")
FINDING_RELEASED = ReasonTemplate("finding_released", "released finding: {check}: {message}")

RELEASED = ReasonTemplate("released", f"released despite {{checks}} {_BY}")
RELEASE_INCOMPLETE = ReasonTemplate("release_incomplete", "the release does not cover {checks}")
RELEASE_UNAPPROVED = ReasonTemplate("release_unapproved", f"waiting for a second person to approve the release {_BY}")
APPROVED = ReasonTemplate("approved", f"approved {_BY}")
APPROVAL_NEEDED = ReasonTemplate("approval_needed", "an operator has to approve it")
PUBLISHING_PAUSED = ReasonTemplate("publishing_paused", f"publishing is paused {_BY}")
CONTENT_DISCARDED = ReasonTemplate(
    "content_discarded", f"this content was discarded {_BY}; `settlement quarantine release` brings it back"
)
CONTENT_ROLLED_BACK = ReasonTemplate("content_rolled_back", f"this content was rolled back {_BY}")
FILE_ROLLED_BACK = ReasonTemplate("file_rolled_back", f"the file of {{source}} was rolled back {_BY}")
DATE_SKIPPED = ReasonTemplate("date_skipped", f"skipped {_BY}; a later delivery counts again")

REPLACES = ReasonTemplate("replaces_generation", "replaces generation {generation} ({state})")
ROWS_LIMIT_EXCEEDED = ReasonTemplate(
    "rows_limit_exceeded",
    "{rows:row differs|rows differ} from the {rows_before:,} published rows, more than the limit of {limit:.2%}",
)
RESTATEMENT_EFFECT = ReasonTemplate(
    "restatement_effect",
    "{rows_added:,} rows added, {rows_removed:,} removed, {rows_changed:,} changed against generation {generation}; "
    "net effect{unit}: {net}",
)
NET_EFFECT_LIMIT_EXCEEDED = ReasonTemplate(
    "net_effect_limit_exceeded",
    "{measure} in {currency} changes by {net:+,} minor units, more than the limit of {limit:,}",
)
DECIMAL_NET_EFFECT_LIMIT_EXCEEDED = ReasonTemplate(
    "decimal_net_effect_limit_exceeded",
    "{measure} in {currency} changes by {net:+,}, more than the limit of {limit:,}",
)

DATE_RECORDED_ALREADY = ReasonTemplate("date_recorded_already", "generation {generation} is {state} already")
ROWS_ARE_PUBLISHED = ReasonTemplate(
    "rows_are_published", "generation {generation} ({state}) is published; roll back, or deliver a correction"
)

ROLLBACK_TARGET_MISSING = ReasonTemplate("rollback_target_missing", "generation {wanted} does not exist")
ROLLBACK_CHANGES_NOTHING = ReasonTemplate(
    "rollback_changes_nothing",
    "generation {generation}, the current one, already has the content of generation {wanted}",
)
ROLLBACK_TARGET_EMPTY = ReasonTemplate(
    "rollback_target_empty", "generation {wanted} is {state}, so it has no rows to restore"
)
ROLLBACK_TARGET_PROVISIONAL = ReasonTemplate(
    "rollback_target_provisional", "generation {wanted} is provisional; only a complete date can be restored"
)
RESTORES = ReasonTemplate("restores_generation", "restores generation {wanted} over generation {generation} ({state})")

PUBLISHED_AS = ReasonTemplate("published_as", "published as generation {generation} ({state}): {reason}")
SOURCES_MISSING = ReasonTemplate(
    "sources_missing", "provisional: {sources} missing, {completeness:.0%} of the sources are there"
)
BESIDE_PUBLISHED = ReasonTemplate("pending_beside_published", "pending ({state}): {reason}")
PUBLISHING_NEXT = ReasonTemplate("publishing_next", "validated; publishing is the next step")

INPUT_NOT_PUBLISHED = ReasonTemplate("input_not_published", "{dataset}: {business_date} is not published")
INPUT_PROVISIONAL = ReasonTemplate(
    "input_provisional", "{dataset}: {business_date} is provisional; {mart} needs the complete date"
)
INPUT_INCOMPLETE = ReasonTemplate("input_incomplete", "{dataset}: {sources} missing")
BUILT_FROM_PROVISIONAL = ReasonTemplate("built_from_provisional", "built from a provisional publication")
BUILD_PENDING = ReasonTemplate("build_pending", "all inputs are published; build pending")

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
BEFORE_DECLARED_FIRST_DATE = ReasonTemplate(
    "before_declared_first_date",
    "{business_date} is before the first date of {dataset}, {first_date}, as declared, so it is not processed",
)
BEFORE_FIRST_DATE = ReasonTemplate(
    "before_first_date",
    "{business_date} is before the first date, {first_date} (SETTLEMENT_FIRST_DATE), so it is not processed",
)

HISTORY_TOO_SHORT = ReasonTemplate(
    "history_too_short", "{dates} comparable dates are published; at least {needed} are needed"
)
ROWS_BESIDE_HISTORY = ReasonTemplate("rows_beside_history", "{rows:,} rows; the same weekday usually has {usual:,.0f}")
