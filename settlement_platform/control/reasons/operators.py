"""Reasons of operators' actions: why one is refused."""

from settlement_platform.control.reasons.reason import ReasonTemplate

ROLE_MISSING = ReasonTemplate(
    "role_missing", "{action} needs the role '{role}', which {actor} does not have (members: {members})."
)

ACTOR_MISSING = ReasonTemplate("actor_missing", "{action} {dataset} needs an actor.")
NOTE_MISSING = ReasonTemplate("note_missing", "{what} needs a reason.")
ALREADY_PAUSED = ReasonTemplate("already_paused", "{dataset} is paused already, by {actor} at {at}: {note}.")
NOT_PAUSED = ReasonTemplate("not_paused", "{dataset} is not paused.")
BREAKER_IS_CLOSED = ReasonTemplate(
    "breaker_is_closed", "The circuit breaker of {breaker} is closed already: it blocks nothing."
)
NOT_A_BUSINESS_DATE = ReasonTemplate(
    "not_a_business_date", "{business_date} is outside the business dates, {first_date} to {today} (today)."
)
NOT_SKIPPED = ReasonTemplate("not_skipped", "{dataset} {business_date} is not skipped: {reason}.")

NOTHING_TO_APPROVE = ReasonTemplate("nothing_to_approve", "Nothing of {dataset} {business_date} waits for approval.")
APPROVAL_OF_REFUSED = ReasonTemplate(
    "approval_of_refused", "{dataset} {business_date} failed its checks; an approval cannot publish it."
)
APPROVAL_OF_OWN_RELEASE = ReasonTemplate(
    "approval_of_own_release", "{actor} released {dataset} {business_date}; somebody else has to approve it."
)

NOT_IN_QUARANTINE = ReasonTemplate(
    "not_in_quarantine", "{dataset} {business_date} is not in quarantine; it is {state}."
)
WAITS_FOR_APPROVAL = ReasonTemplate(
    "waits_for_approval", "{dataset} {business_date} needs no release, it waits for approval: {reason}."
)
FINDINGS_DIFFER = ReasonTemplate(
    "findings_differ", "A release of {dataset} {business_date} must name exactly the checks that failed ({words})."
)
DELIVERED_AGAIN = ReasonTemplate(
    "delivered_again", "{dataset} {business_date} has been delivered again meanwhile; check it again."
)
CARD_NUMBERS_WITHHELD = ReasonTemplate(
    "card_numbers_withheld",
    "{dataset} {business_date} cannot be released: of {keys} the card numbers are withheld from staging.",
)
FILES_UNREADABLE = ReasonTemplate(
    "files_unreadable", "{dataset} {business_date} cannot be released: not all of {keys} could be read."
)

NOT_ROLLED_BACK = ReasonTemplate("not_rolled_back", "{dataset} {business_date} is not rolled back: {reason}.")
GENERATION_EXPIRED = ReasonTemplate(
    "generation_expired",
    "{dataset} {business_date} is not rolled back: generation {generation} was replaced on {replaced_on}, "
    "and the lake keeps what readers saw within {retention}.",
)
TIDYING_RUNNING = ReasonTemplate("tidying_running", "Another tidying is running.")

MART_FOLLOWS_INPUTS = ReasonTemplate("mart_follows_inputs", "{mart} is a mart: it follows {inputs}.")

BACKFILL_ENDED = ReasonTemplate("backfill_ended", "Backfill {backfill} has ended: {status}.")
BACKFILL_NOT_PAUSED = ReasonTemplate("backfill_not_paused", "Backfill {backfill} is not paused.")
PAUSED_RUNS_NOT_LIMITED = ReasonTemplate(
    "paused_runs_not_limited", "The dagster.yaml of this instance does not keep paused runs in the queue."
)
