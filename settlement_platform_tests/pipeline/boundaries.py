"""The moments between two steps of the pipeline, at which a test lets something happen."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from settlement_platform.control.facts import Arrival, Attempt, Staging, Verdict
from settlement_platform.pipeline import build_mart, business_date
from settlement_platform.storage.lake_transaction import LakeTransaction
from settlement_platform.storage.ledger import Ledger
from settlement_platform.storage.staging import StagingArea

Action = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Boundary:
    """Before or after a call; `fact` narrows it to calls that append such a fact.

    `step` is how far the ledger shows that an attempt came which died here.
    """

    owner: Any
    name: str
    step: str
    after: bool = True
    fact: type | None = None
    commits: bool = False

    def concerns(self, arguments: tuple[Any, ...]) -> bool:
        """Whether this is the call that is meant."""
        return self.fact is None or any(isinstance(a, self.fact) for a in arguments)


BOUNDARIES = {
    "before the attempt is recorded": Boundary(owner=Ledger, name="append", fact=Attempt, after=False, step="nothing"),
    "before the arrivals are recorded": Boundary(owner=Ledger, name="append", fact=Arrival, after=False, step="land"),
    "after the arrivals are recorded": Boundary(owner=Ledger, name="append", fact=Arrival, step="land"),
    "after a draft is written": Boundary(owner=StagingArea, name="settle", after=False, step="land"),
    "after a draft is settled": Boundary(owner=StagingArea, name="settle", step="land"),
    "after a staging is recorded": Boundary(owner=Ledger, name="append", fact=Staging, step="land"),
    "before the verdict is recorded": Boundary(owner=Ledger, name="append", fact=Verdict, after=False, step="validate"),
    "after the verdict is recorded": Boundary(owner=Ledger, name="append", fact=Verdict, step="validate"),
    "after a file is moved into the lake": Boundary(owner=StagingArea, name="hand_over", step="validate"),
    "after the files are registered": Boundary(owner=LakeTransaction, name="register", step="validate"),
    "after the publication is recorded": Boundary(owner=LakeTransaction, name="record", step="validate"),
    "after the old rows are removed": Boundary(owner=LakeTransaction, name="remove_date", step="validate"),
    "after the watermark is moved": Boundary(owner=LakeTransaction, name="set_watermark", step="validate"),
    "after the commit": Boundary(owner=business_date, name="publish", step="validate", commits=True),
}
MART_BOUNDARIES = {
    "after the draft is written": Boundary(owner=build_mart, name="_judge", after=False, step="nothing"),
    "after the draft is settled": Boundary(owner=StagingArea, name="settle", step="nothing"),
    "after the verdict is recorded": Boundary(owner=Ledger, name="append", fact=Verdict, step="nothing"),
    "after the file is moved into the lake": Boundary(owner=StagingArea, name="hand_over", step="nothing"),
    "after the publication is recorded": Boundary(owner=LakeTransaction, name="record", step="nothing"),
    "after the commit": Boundary(owner=build_mart, name="publish", step="nothing", commits=True),
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
