"""What operators have ruled for one business date."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from settlement_platform.control.facts import Arrival, OperatorAction, State


@dataclass(frozen=True, kw_only=True)
class OperatorOverrides:
    """What operators' actions come to for one business date.

    `paused` is the pause in force. `released` gives per content the release of it, `approved` the approval,
    `withdrawn` why a content is not to be published: it was discarded, or rolled back from. `withdrawn_files` gives, by
    `file_id`, the rollback that took a file out.
    """

    paused: OperatorAction | None = None
    released: Mapping[str, OperatorAction] = field(default_factory=dict)
    approved: Mapping[str, OperatorAction] = field(default_factory=dict)
    withdrawn: Mapping[str, OperatorAction] = field(default_factory=dict)
    withdrawn_files: Mapping[str, OperatorAction] = field(default_factory=dict)


NO_OVERRIDES = OperatorOverrides()


def fold_overrides(actions: Iterable[OperatorAction], business_date: date) -> OperatorOverrides:
    """Fold a dataset's actions, oldest first, into what stands for a business date; the latest word counts.

    An action without a business date speaks of every date.
    """
    released: dict[str, OperatorAction] = {}
    approved: dict[str, OperatorAction] = {}
    withdrawn: dict[str, OperatorAction] = {}
    files: dict[str, OperatorAction] = {}
    ours = [a for a in actions if a.business_date in {None, business_date}]
    for action in ours:
        content = str(action.detail.get("content_hash", ""))
        if action.action == "release":
            released[content] = action
            withdrawn.pop(content, None)
        elif action.action == "approve":
            approved[content] = action
        elif action.action == "discard":
            withdrawn[content] = action
        elif action.action == "rollback":
            withdrawn[content] = action
            withdrawn.pop(str(action.detail.get("restored", "")), None)
            files |= dict.fromkeys(action.detail.get("withdrawn_files", ()), action)
            for restored in action.detail.get("restored_files", ()):
                files.pop(restored, None)
    return OperatorOverrides(
        paused=fold_pause(ours), released=released, approved=approved, withdrawn=withdrawn, withdrawn_files=files
    )


def source_file_id(source: str, sha256: str) -> str:
    """How rulings name a delivered file."""
    return f"{source}:{sha256}"


def why_rolled_back_file(rulings: OperatorOverrides, files: Iterable[str]) -> str:
    """Why a content is not what an operator has left standing, though it is another than was withdrawn; else empty."""
    for file in sorted(set(files) & rulings.withdrawn_files.keys()):
        source, action = file.partition(":")[0], rulings.withdrawn_files[file]
        return f"the file of {source} was rolled back from by {describe_action(action)}"
    return ""


def fold_pause(actions: Iterable[OperatorAction]) -> OperatorAction | None:
    """The pause that is in force; the last word of pause and resume counts."""
    words = [a for a in actions if a.action in {"pause", "resume"}]
    return words[-1] if words and words[-1].action == "pause" else None


def why_withdrawn(action: OperatorAction) -> str:
    """Why a content is not published, and which word undoes a discard: one that only came again does not."""
    undone = "; settlement quarantine release takes that back" if action.action == "discard" else ""
    return f"this content was withdrawn by {describe_action(action)}{undone}"


def fold_skip(
    actions: Iterable[OperatorAction], business_date: date, *, standing: State | None, arrivals: Iterable[Arrival]
) -> str:
    """The operator's word that a date is skipped, empty where none is in force; what arrives after it counts again."""
    word = last_skip(actions, business_date)
    if standing is not State.SKIPPED or word is None or any(a.observed_at > word.recorded_at for a in arrivals):
        return ""
    return f"skipped by {describe_action(word)}; what arrives after that counts again"


def last_skip(actions: Iterable[OperatorAction], business_date: date) -> OperatorAction | None:
    """The last time that a date was skipped, whether or not that still stands."""
    words = [a for a in actions if a.action == "skip" and a.business_date == business_date]
    return words[-1] if words else None


def describe_action(action: OperatorAction) -> str:
    """Who ruled what, and why, as one phrase."""
    return f"{action.actor} at {action.recorded_at:%Y-%m-%d %H:%M} UTC: {action.reason}"
