"""Reasons of reliability: what a circuit breaker has seen, and when a failed run is tried again."""

from settlement_platform.control.reasons.reason import ReasonTemplate

_SECONDS = "%Y-%m-%d %H:%M:%S"

FAILURES_IN_A_ROW = ReasonTemplate(
    "failures_in_a_row",
    f"{{failures:failure|failures}} in a row, the last at {{last_at:{_SECONDS}}} UTC: {{detail}}",
)
LAUNCHES_BLOCKED = ReasonTemplate(
    "launches_blocked", f"nothing is launched until {{until:{_SECONDS}}} UTC, then one probe"
)
PROBE_ALLOWED = ReasonTemplate("probe_allowed", "one probe may be launched")
PROBE_RUNNING = ReasonTemplate("probe_running", "a probe is running; nothing else is launched")
HANDED_TO_OPERATOR = ReasonTemplate(
    "handed_to_operator", "it opened {openings:time|times} in a row; an operator has to act"
)

RETRY_STORM = ReasonTemplate(
    "retry_storm",
    f"{{retries:retry|retries}} since {{since:{_SECONDS}}} UTC, above the limit of {{threshold}} an hour: {{datasets}}",
)
RUN_IN_PROGRESS = ReasonTemplate("run_in_progress", "a run is building it")
NEXT_TRY_DUE = ReasonTemplate(
    "next_try_due", f"{{tries:try|tries}} did not publish it; the next is due at {{due_at:{_SECONDS}}} UTC"
)

ATTEMPT_BEGAN = ReasonTemplate(
    "attempt_began", f"began {{began_at:{_SECONDS}}} UTC", (", retry {retry}", " in run {run_id}")
)
ATTEMPT_ENDED = ReasonTemplate(
    "attempt_ended",
    f"{{began}}: {{outcome}} in step {{step}} at {{last_at:{_SECONDS}}} UTC",
    ("; {dependency} did not answer", ": {detail}"),
)
ATTEMPT_IN_PROGRESS = ReasonTemplate(
    "attempt_in_progress", f"{{began}}: in step {{step}} since {{last_at:{_SECONDS}}} UTC"
)
ATTEMPT_DIED = ReasonTemplate(
    "attempt_died", f"{{began}}: died in step {{step}}, not heard of since {{last_at:{_SECONDS}}} UTC"
)
ATTEMPT_DIED_AT_SOURCE = ReasonTemplate(
    "attempt_died_at_source",
    f"{{began}}: died in step {{step}}, at {{source}}, not heard of since {{last_at:{_SECONDS}}} UTC",
)
SOURCE_STAGED = ReasonTemplate("source_staged", "{source}: staged whole in that run, {rows:,} rows")
SOURCE_NOT_STAGED = ReasonTemplate("source_not_staged", "{source}: not staged, is read again from record 1 on")
