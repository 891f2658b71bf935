"""The moments between two steps of the pipeline, at which a test lets something happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from settlement_platform.control.facts import Arrival, Attempt, OperatorAction, Staging, Verdict
from settlement_platform.pipeline.marts import build_mart
from settlement_platform.pipeline.processing import process_date
from settlement_platform.storage.lake.writer import LakeWriter
from settlement_platform.storage.ledger.ledger import Ledger
from settlement_platform.storage.staging.area import StagingArea

Action = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Before or after a call; `fact` narrows it to calls that append such a fact.

    `facts` are what the ledger holds of a first attempt that died here.
    """

    owner: Any
    name: str
    facts: frozenset[str] = frozenset()
    after: bool = True
    fact: type | None = None
    commits: bool = False

    def __post_init__(self) -> None:
        """Fail at once when the owner has no such function: a renaming does not see a name in a string."""
        getattr(self.owner, self.name)

    def concerns(self, arguments: tuple[Any, ...]) -> bool:
        """Return whether this is the call that the boundary names."""
        return self.fact is None or any(isinstance(a, self.fact) for a in arguments)


STAGED = frozenset({"attempt", "arrival", "staging"})
JUDGED = STAGED | {"verdict"}
BOUNDARIES = {
    "before the attempt is recorded": Boundary(owner=Ledger, name="append", fact=Attempt, after=False),
    "before the arrivals are recorded": Boundary(
        owner=Ledger, name="append", fact=Arrival, after=False, facts=frozenset({"attempt"})
    ),
    "after the arrivals are recorded": Boundary(
        owner=Ledger, name="append", fact=Arrival, facts=frozenset({"attempt", "arrival"})
    ),
    "after a draft is written": Boundary(
        owner=StagingArea, name="finalize", after=False, facts=frozenset({"attempt", "arrival"})
    ),
    "after a draft is finalized": Boundary(owner=StagingArea, name="finalize", facts=frozenset({"attempt", "arrival"})),
    "after a staging is recorded": Boundary(owner=Ledger, name="append", fact=Staging, facts=STAGED),
    "before the verdict is recorded": Boundary(owner=Ledger, name="append", fact=Verdict, after=False, facts=STAGED),
    "after the verdict is recorded": Boundary(owner=Ledger, name="append", fact=Verdict, facts=JUDGED),
    "after a file is moved into the lake": Boundary(owner=StagingArea, name="move_to_lake", facts=JUDGED),
    "after the files are registered": Boundary(owner=LakeWriter, name="register_files", facts=JUDGED),
    "after the publication is recorded": Boundary(owner=LakeWriter, name="record_publication", facts=JUDGED),
    "after the old rows are removed": Boundary(owner=LakeWriter, name="remove_date", facts=JUDGED),
    "after the watermark is moved": Boundary(owner=LakeWriter, name="set_watermark", facts=JUDGED),
    "after the commit": Boundary(owner=process_date, name="publish", facts=JUDGED, commits=True),
}
MART_BOUNDARIES = {
    "after the draft is written": Boundary(owner=build_mart, name="judge_mart", after=False),
    "after the draft is finalized": Boundary(owner=StagingArea, name="finalize"),
    "after the verdict is recorded": Boundary(owner=Ledger, name="append", fact=Verdict),
    "after the file is moved into the lake": Boundary(owner=StagingArea, name="move_to_lake"),
    "after the publication is recorded": Boundary(owner=LakeWriter, name="record_publication"),
    "after the commit": Boundary(owner=build_mart, name="publish", commits=True),
}

ACTION_BOUNDARIES = {
    "before the action is recorded": Boundary(owner=Ledger, name="append", fact=OperatorAction, after=False),
    "after the action is recorded": Boundary(owner=Ledger, name="append", fact=OperatorAction),
    "after the publication is recorded": Boundary(owner=LakeWriter, name="record_publication"),
}


@contextmanager
def happening(boundary: Boundary, action: Action) -> Iterator[None]:
    """Let the action happen at the boundary, each time that it is reached."""
    original = getattr(boundary.owner, boundary.name)

    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - any call of the pipeline
        if not boundary.concerns(arguments):
            return original(*arguments, **named)
        if not boundary.after:
            action()
        result = original(*arguments, **named)
        if boundary.after:
            action()
        return result

    setattr(boundary.owner, boundary.name, call)
    try:
        yield
    finally:
        setattr(boundary.owner, boundary.name, original)
