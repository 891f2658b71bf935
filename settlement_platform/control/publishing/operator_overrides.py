"""Operator overrides: the effect of operators' actions on one business date."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from settlement_platform.control.facts import Arrival, OperatorAction, OperatorActionType, State
from settlement_platform.control.landing.arrival_history import without_copies
from settlement_platform.control.reasons.publishing import (
    CONTENT_DISCARDED,
    CONTENT_ROLLED_BACK,
    DATE_SKIPPED,
    FILE_ROLLED_BACK,
)
from settlement_platform.control.reasons.reason import Reason


@dataclass(frozen=True, kw_only=True)
class OperatorOverrides:
    """The overrides in force for one business date.

    `paused` is the pause in force. `released` maps a content to its release, and `approved` to its approval.
    `withdrawn` maps a content to the action that discarded it or rolled back from it. `withdrawn_files` maps a file
    (`source_file_id`) to the rollback that took it out. `rejudged` maps a content to the request to judge its
    deliveries again, until it is answered. `confirmed` maps a content to the published one with the same rows.
    """

    paused: OperatorAction | None = None
    released: Mapping[str, OperatorAction] = field(default_factory=dict)
    approved: Mapping[str, OperatorAction] = field(default_factory=dict)
    withdrawn: Mapping[str, OperatorAction] = field(default_factory=dict)
    withdrawn_files: Mapping[str, OperatorAction] = field(default_factory=dict)
    rejudged: Mapping[str, OperatorAction] = field(default_factory=dict)
    confirmed: Mapping[str, str] = field(default_factory=dict)


NO_OVERRIDES = OperatorOverrides()
_NONE: Mapping[str, str] = {}


def fold_overrides(
    actions: Iterable[OperatorAction], business_date: date, *, same_contents: Mapping[str, str] = _NONE
) -> OperatorOverrides:
    """Fold a dataset's actions, oldest first, into the overrides of one business date; the latest action counts.

    An action without a business date applies to every date. `same_contents` gives today's content hash for others of
    the same deliveries: what an operator withdrew stays withdrawn under every contract, while a release or an approval
    counts only for the content that was judged.
    """
    released: dict[str, OperatorAction] = {}
    approved: dict[str, OperatorAction] = {}
    withdrawn: dict[str, OperatorAction] = {}
    files: dict[str, OperatorAction] = {}
    ours = [a for a in actions if a.business_date in {None, business_date}]
    for action in ours:
        content = str(action.detail.get("content_hash", ""))
        todays = same_contents.get(content, content)
        if action.action is OperatorActionType.RELEASE:
            released[content] = action
            withdrawn.pop(todays, None)
        elif action.action is OperatorActionType.APPROVE:
            approved[content] = action
        elif action.action is OperatorActionType.DISCARD:
            withdrawn[todays] = action
        elif action.action is OperatorActionType.ROLLBACK:
            restored = str(action.detail.get("restored", ""))
            withdrawn[todays] = action
            withdrawn.pop(same_contents.get(restored, restored), None)
            files |= dict.fromkeys(action.detail.get("withdrawn_files", ()), action)
            for file in action.detail.get("restored_files", ()):
                files.pop(file, None)
    rejudged, confirmed = _fold_rejudging(ours)
    return OperatorOverrides(
        paused=fold_pause(ours),
        released=released,
        approved=approved,
        withdrawn=withdrawn,
        withdrawn_files=files,
        rejudged=rejudged,
        confirmed=confirmed,
    )


_ENDS_REJUDGING = {OperatorActionType.REJUDGED, OperatorActionType.DISCARD, OperatorActionType.ROLLBACK}


def _fold_rejudging(actions: Iterable[OperatorAction]) -> tuple[dict[str, OperatorAction], dict[str, str]]:
    """Return the open requests to judge a content, and the published content that each confirmed one equals."""
    requested: dict[str, OperatorAction] = {}
    confirmed: dict[str, str] = {}
    for action in actions:
        content = str(action.detail.get("content_hash", ""))
        if action.action is OperatorActionType.REJUDGE:
            requested[content] = action
        elif action.action in _ENDS_REJUDGING:
            requested.pop(content, None)
        if action.action is OperatorActionType.REJUDGED:
            confirmed[content] = str(action.detail.get("published", ""))
    return requested, confirmed


def source_file_id(source: str, sha256: str) -> str:
    """Return the identity of a delivered file in overrides: its source and sha256."""
    return f"{source}:{sha256}"


def why_rolled_back_file(overrides: OperatorOverrides, files: Iterable[str]) -> Reason | None:
    """Return which of these files an operator's rollback took out, and why; None where none was."""
    for file in sorted(set(files) & overrides.withdrawn_files.keys()):
        source, action = file.partition(":")[0], overrides.withdrawn_files[file]
        return FILE_ROLLED_BACK(source=source, **action_parameters(action))
    return None


def fold_pause(actions: Iterable[OperatorAction]) -> OperatorAction | None:
    """Return the pause in force, if any: the last of the pauses and resumes counts."""
    found = [a for a in actions if a.action in {OperatorActionType.PAUSE, OperatorActionType.RESUME}]
    return found[-1] if found and found[-1].action is OperatorActionType.PAUSE else None


def why_withdrawn(action: OperatorAction) -> Reason:
    """Return who discarded a content or rolled back from it, and what undoes a discard."""
    template = CONTENT_DISCARDED if action.action is OperatorActionType.DISCARD else CONTENT_ROLLED_BACK
    return template(**action_parameters(action))


def fold_skip(
    actions: Iterable[OperatorAction], business_date: date, *, current_state: State | None, arrivals: Iterable[Arrival]
) -> Reason | None:
    """Return who skipped a date, and why; None where no skip is in force, as after a later delivery."""
    skip = last_skip(actions, business_date)
    if current_state is not State.SKIPPED or skip is None:
        return None
    if any(arrival.observed_at > skip.recorded_at for arrival in without_copies(arrivals)):
        return None
    return DATE_SKIPPED(**action_parameters(skip))


def last_skip(actions: Iterable[OperatorAction], business_date: date) -> OperatorAction | None:
    """Return the last skip of a date, in force or not; None where it was never skipped."""
    skips = [a for a in actions if a.action is OperatorActionType.SKIP and a.business_date == business_date]
    return skips[-1] if skips else None


def action_parameters(action: OperatorAction) -> dict[str, Any]:
    """Return who did what and why, as the parameters `actor`, `at` and `note` of a reason."""
    return {"actor": action.actor, "at": action.recorded_at, "note": action.reason}


def describe_action(action: OperatorAction) -> str:
    """Return who did it, when and why, as one phrase."""
    return f"{action.actor} at {action.recorded_at:%Y-%m-%d %H:%M} UTC: {action.reason}"
