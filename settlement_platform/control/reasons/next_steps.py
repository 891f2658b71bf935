"""Sentences of what comes next for a date: what a sensor does by itself, and what an operator can do."""

from settlement_platform.control.reasons.reason import ReasonTemplate

FILES_READ_AT_NEXT_TICK = ReasonTemplate(
    "files_read_at_next_tick", "the next tick of its sensor reads its files and decides", ("; {reason}",)
)
RUN_WHEN_LAUNCHES_RESUME = ReasonTemplate(
    "run_when_launches_resume", "its sensor requests the run that {does} as soon as it may launch runs again"
)
RUN_AT_CATCH_UP = ReasonTemplate(
    "run_at_catch_up",
    "its sensor requests the run that {does}: it closed long ago, and such dates are taken a few at a time",
)
RUN_AT_NEXT_TICK = ReasonTemplate(
    "run_at_next_tick", "the next tick of its sensor requests the run that {does}, unless one is on its way"
)

_BUILD = "the sensor marts_follow requests the run that builds it"

BUILD_WHEN_LAUNCHES_RESUME = ReasonTemplate(
    "build_when_launches_resume", f"{_BUILD} as soon as it may launch runs again"
)
BUILD_AT_NEXT_TICK = ReasonTemplate("build_at_next_tick", f"{_BUILD} at its next tick, unless one is on its way")
BUILD_AFTER_INPUTS = ReasonTemplate("build_after_inputs", f"{_BUILD} once {{awaited: and }}")
BUILD_AFTER_INPUTS_WHEN_LAUNCHES_RESUME = ReasonTemplate(
    "build_after_inputs_when_launches_resume", f"{_BUILD} once {{awaited: and }} and it may launch runs again"
)
INPUT_PUBLISHED = ReasonTemplate("input_published", "{dataset} is published")
INPUT_PUBLISHED_WHOLE = ReasonTemplate("input_published_whole", "{dataset} is published whole")
INPUT_FOLLOWS = ReasonTemplate("input_follows", "{dataset}: {reason}")

_REMARK = ("; {remark}",)

RUN_COMMAND = ReasonTemplate("run_command", "{command}", _REMARK)
NO_STEP = ReasonTemplate("no_step", "nothing", _REMARK)
NO_STEP_UNTIL_LAUNCHES_RESUME = ReasonTemplate(
    "no_step_until_launches_resume",
    "nothing until sensors and schedules launch again",
    _REMARK,
)
NO_STEP_UNTIL_CORRECTED = ReasonTemplate("no_step_until_corrected", "nothing until a corrected file arrives", _REMARK)
NO_STEP_UNTIL_FILES_ARRIVE = ReasonTemplate("no_step_until_files_arrive", "nothing until the files arrive", _REMARK)
STEPS_OF_INPUTS = ReasonTemplate("steps_of_inputs", "{steps:; }", _REMARK)

PRESENT_EXPLAINED = ReasonTemplate("present_explained", "{command} shows what to do now")

COMMAND_TRIES = ReasonTemplate("command_tries", "{command} tries at once")
PUBLISHED_REMARK = ReasonTemplate("published_remark", "it is published")
BEFORE_FIRST_DATE_REMARK = ReasonTemplate("before_first_date_remark", "it is before SETTLEMENT_FIRST_DATE")
BEFORE_DECLARED_FIRST_DATE_REMARK = ReasonTemplate(
    "before_declared_first_date_remark", "it is before the declared first date"
)
RECORDED_AUTOMATICALLY = ReasonTemplate("recorded_automatically", "it will be recorded automatically")
CORRECTION_SUPERSEDES = ReasonTemplate("correction_supersedes", "a corrected file supersedes it")
EITHER_SUPERSEDES = ReasonTemplate(
    "either_supersedes", "a corrected {mart}.sql, or another generation of {inputs: or }, supersedes it"
)
AFTER_RESUME = ReasonTemplate("after_resume", "then {then}")
INPUT_STATE = ReasonTemplate("input_state", "{dataset} is {state}", (": {remark}",))
