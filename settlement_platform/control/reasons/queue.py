"""Reasons of the queue: why a run is requested, what class it has, and why it waits."""

from settlement_platform.control.reasons.reason import ReasonTemplate

MAINTAINS_STORES = ReasonTemplate("maintains_stores", "it maintains the stores and publishes nothing")
OPERATOR_WAITS = ReasonTemplate("operator_waits", "an operator waits for {action}")
PART_OF_BACKFILL = ReasonTemplate("part_of_backfill", "it is part of backfill {backfill}")
REPEATS_RUN = ReasonTemplate("repeats_run", "it repeats a {service_class} run")
NAMES_NO_DATE = ReasonTemplate("names_no_date", "it names no business date")
COVERS_MANY_DATES = ReasonTemplate("covers_many_dates", "it covers many dates, {first} to {last}")
DATE_OPEN = ReasonTemplate("date_open", "{business_date} is open until {closes_at}")
RESTATES_OPEN_DATE = ReasonTemplate(
    "restates_open_date", "it restates {business_date}, which is open until {closes_at}"
)
RESTATES_CLOSED_DATE = ReasonTemplate(
    "restates_closed_date", "it restates {business_date}, which closed at {closes_at}"
)
DATE_CLOSED = ReasonTemplate("date_closed", "it is for {business_date}, which closed at {closes_at}")
LAUNCHED_BY = ReasonTemplate("launched_by", "launched by {launched_by}")

PRIORITY_AGED = ReasonTemplate("priority_aged", "its priority was {base}; it has waited for {waited}")
WAITED_LONGEST = ReasonTemplate(
    "waited_longest", "its priority was {base}; it has waited for {waited}, longer than all others"
)
WRITE_BUDGET_SPENT = ReasonTemplate(
    "write_budget_spent",
    "{service_class} writes to {dataset} are limited to {limit} MB/s; "
    "the {written} MB of the last minute use up that limit for {wait:,.1f} s more",
)

DAEMON_STOPPED = ReasonTemplate("daemon_stopped", "no Dagster daemon is running; start one to resume")
BACKFILL_ENDING = ReasonTemplate("backfill_ending", "it is being canceled; no run of it is started any more")
BACKFILL_PAUSED = ReasonTemplate("backfill_paused", "it is paused by {paused}")
RUNS_NOT_REQUESTED = ReasonTemplate(
    "runs_not_requested", "its runs are not requested yet; the daemon does that every few seconds"
)
RUNS_QUEUED = ReasonTemplate("runs_queued", "{runs:run waits|runs wait} in the queue", (": {slots_taken}",))
DATES_WAITING = ReasonTemplate("dates_waiting", "{dates:date waits|dates wait} for files or for an operator")

PUBLISHED_ALREADY = ReasonTemplate("published_already", "published already")
NOT_MADE_FROM_FILE = ReasonTemplate("not_made_from_file", "the current publication was not made from that file")
LAST_TRY_SUCCEEDED = ReasonTemplate("last_try_succeeded", "the last try succeeded")
LAST_TRY_WAITS = ReasonTemplate("last_try_waits", "the last try waits for files or for an operator")
NEVER_TRIED = ReasonTemplate("never_tried", "never tried")

ALL_FILES_ARRIVED = ReasonTemplate("all_files_arrived", "all required files have arrived")
DELIVERY_CHANGED = ReasonTemplate("delivery_changed", "a delivery differs from generation {generation} ({state})")
EARLIER_FILES_REAPPEARED = ReasonTemplate(
    "earlier_files_reappeared",
    "earlier files were delivered again and differ from generation {generation} ({state})",
)
RECORDED_LATER = ReasonTemplate("recorded_later", "no file is expected: {closed}; recorded after {due}")
DATE_PAUSED = ReasonTemplate("date_paused", "paused by {actor} at {at}: {note}")

DATASET_PAUSED = ReasonTemplate("dataset_paused", "{dataset} is paused by {actor} at {at}: {note}")
BREAKER_BLOCKS = ReasonTemplate(
    "breaker_blocks",
    "the breaker of {kind} {name} is {state}",
    (" until {until:%Y-%m-%d %H:%M:%S} UTC", ": {reasons}"),
)
