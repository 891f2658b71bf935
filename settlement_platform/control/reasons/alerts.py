"""Sentences of alerts: what is wrong, what it means for readers, and how an episode ended."""

from settlement_platform.control.reasons.reason import ReasonTemplate

FILES_LATE = ReasonTemplate("files_late", "{reasons:; }")
LATE_MEANS = ReasonTemplate(
    "late_means", "readers get no new data of {dataset} {business_date}; what is published stays as it is"
)
LATE_BESIDE_PROVISIONAL_MEANS = ReasonTemplate(
    "late_beside_provisional_means",
    "readers see generation {generation} of {dataset} {business_date}, which is provisional without {missing}, "
    "until the rest arrives",
)

DATE_HELD = ReasonTemplate("date_held", "{reasons:; }")
APPROVAL_PENDING = ReasonTemplate("approval_pending", "it waits for approval: {reasons:; }")
QUARANTINE_MEANS = ReasonTemplate(
    "quarantine_means", "readers see nothing of {business_date}, and no later date counts as complete before it"
)
QUARANTINE_BESIDE_PUBLISHED_MEANS = ReasonTemplate(
    "quarantine_beside_published_means",
    "readers still see generation {generation} ({state}) of {business_date}",
)

PROVISIONAL = ReasonTemplate(
    "provisional", "generation {generation} is provisional, without {missing} ({completeness:.0%} of the sources)"
)
PROVISIONAL_MEANS = ReasonTemplate(
    "provisional_means",
    "the figures of {business_date} lack {missing} and will change; those of the schema `final` leave it out",
)
PROVISIONAL_REPLACED = ReasonTemplate(
    "provisional_replaced", "generation {generation} ({state}) replaced the provisional one"
)

RESTATED = ReasonTemplate("restated", "restated as generation {generation} by {actor}: {note}")
ROLLED_BACK = ReasonTemplate("rolled_back", "rolled back as generation {generation} by {actor}: {note}")
RESTATED_MEANS = ReasonTemplate(
    "restated_means", "figures of {business_date} that were read before are out of date", ("; outdated marts: {marts}",)
)
RESTATEMENT_FOLLOWED = ReasonTemplate("restatement_followed", "all marts that read it are up to date")

FRESHNESS_AT_RISK = ReasonTemplate("freshness_at_risk", "{due} is due by {due_at}, in {left}, and is not published")
FRESHNESS_AT_RISK_MEANS = ReasonTemplate(
    "freshness_at_risk_means", "{readers} cannot be relied on from {due} on if it is not published by then"
)
FRESHNESS_MISSED = ReasonTemplate("freshness_missed", "{reasons:; }")
FRESHNESS_MISSED_MEANS = ReasonTemplate("freshness_missed_means", "{readers} cannot be relied on from {due} on")

WORK_ORPHANED = ReasonTemplate("work_orphaned", "the step {step} began at {began_at} and never ended")
WORK_NOT_RETRIED = ReasonTemplate(
    "work_not_retried", "the step {step} failed at {failed_at}, and nothing has tried again since", (": {detail}",)
)
WORK_ORPHANED_MEANS = ReasonTemplate(
    "work_orphaned_means", "nothing half-done of {business_date} is visible; it stays as it is until it is run again"
)

BREAKER_RETRIES = ReasonTemplate("breaker_retries", "open since {since}, tried again at {until}", ("; {reasons:; }",))
BREAKER_WAITS = ReasonTemplate("breaker_waits", "open since {since}, it waits for an operator", ("; {reasons:; }",))
BREAKER_MEANS = ReasonTemplate(
    "breaker_means", "nothing new that needs {name} is published; what is published stays readable"
)
BREAKER_HANDED_OVER = ReasonTemplate(
    "breaker_handed_over", "handed to an operator, open since {since}", ("; {reasons:; }",)
)
BREAKER_HANDED_OVER_MEANS = ReasonTemplate(
    "breaker_handed_over_means",
    "nothing new that needs {name} is published before it is fixed; what is published stays readable",
)
RETRIES_SINCE = ReasonTemplate("retries_since", "since {since}", ("; {reasons:; }",))
RETRIES_MEAN = ReasonTemplate("retries_mean", "dates may be published later than usual; nothing is published twice")
BACKFILL_STALLED = ReasonTemplate(
    "backfill_stalled", "{done} of {requested} partitions are done, and none in the last {idle}"
)
BACKFILL_STALLED_MEANS = ReasonTemplate(
    "backfill_stalled_means",
    "{dates:older date stays|older dates stay} as before; current dates have slots of their own",
)

RUN_STALLED = ReasonTemplate(
    "run_stalled",
    "the run of {dataset} {first} to {last} began at {began_at}, and no step of it has begun or ended for {idle}",
)
RUN_STALLED_MEANS = ReasonTemplate(
    "run_stalled_means",
    "its dates that are not published yet stay as they are; its slot is taken",
    (", and {queued:run waits|runs wait} in the queue",),
)

EPISODE_ENDED = ReasonTemplate("episode_ended", "{ending}; it lasted {lasted}")
NOTHING_TO_DO = ReasonTemplate("nothing_to_do", "nothing is left to do about it")
FILES_ARRIVED = ReasonTemplate("files_arrived", "no file is waited for any more")
NO_LONGER_PROVISIONAL = ReasonTemplate("no_longer_provisional", "readers see the complete date")
NO_LONGER_HELD = ReasonTemplate("no_longer_held", "it is no longer in quarantine, nor waits for approval")
BREAKER_CLOSED = ReasonTemplate("breaker_closed", "the circuit breaker is closed; runs have resumed")
DATE_PUBLISHED = ReasonTemplate("date_published", "the date is published")
READERS_UP_TO_DATE = ReasonTemplate("readers_up_to_date", "readers have all that they were promised")
BACKFILL_RESUMED = ReasonTemplate("backfill_resumed", "it resumed, or has ended")
RUN_PROGRESSED = ReasonTemplate("run_progressed", "it progressed, or has ended")
RETRIES_ENDED = ReasonTemplate("retries_ended", "the retries have ended")
WORK_RESUMED = ReasonTemplate("work_resumed", "the date has been run again")
EPISODE_OVER = ReasonTemplate("episode_over", "it is over")
