"""Preparing one business date: take its lock, land what is delivered, stage and examine it."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from settlement_platform.control.facts import OperatorAction, Publication, Staging, Standing, State
from settlement_platform.control.publishing import Decision, Move, Rules, decide_publication
from settlement_platform.control.rulings import last_skip
from settlement_platform.datasets.dataset import Dataset
from settlement_platform.pipeline.attempts import AttemptLog
from settlement_platform.pipeline.date_lock import hold_date
from settlement_platform.pipeline.kept import cut_that_stands, lost_from, with_kept
from settlement_platform.pipeline.land import Landed, land
from settlement_platform.pipeline.platform import Platform, Request
from settlement_platform.pipeline.rules import as_skipped, nothing_new, rules_of, why_not_expected
from settlement_platform.pipeline.stage import stage
from settlement_platform.pipeline.throttle import wait_for_turn
from settlement_platform.pipeline.validate import Examined, examine


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A date that has been landed and staged; its lock is held until it is concluded.

    `settled` is the decision where nothing has to be staged, `not_expected` why no file comes, if none does.
    """

    platform: Platform
    dataset: Dataset
    business_date: date
    request: Request
    attempt: AttemptLog
    lock: ExitStack = field(repr=False)
    landed: Landed
    stagings: tuple[Staging, ...] = ()
    examined: Examined | None = None
    rules: Rules
    settled: Decision | None = None
    not_expected: str = ""
    current: Standing | None = None


def prepare(
    platform: Platform,
    dataset: Dataset,
    business_date: date,
    request: Request,
    *,
    threads: int = 1,
    ruling: OperatorAction | None = None,
) -> Prepared:
    """Take the date's lock, land what is delivered, stage and examine it, unless exactly that is published already.

    `ruling` counts as the last of the operators' actions, and is put on record by whoever concludes the date.

    Raises:
        TransientFailure: another try held the date for too long, or a store did not answer.
    """
    lock = ExitStack()
    lock.enter_context(hold_date(platform, dataset.name, business_date))
    with _released_on_error(lock), ExitStack() as copies:
        attempt = AttemptLog(platform=platform, dataset=dataset.name, business_date=business_date, request=request)
        with attempt.step("land"):
            landed = land(platform, dataset, business_date, request)
            copies.callback(landed.release)
            actions = [*platform.ledger.actions(dataset.name), *([ruling] if ruling else [])]
            current = _current(platform, landed, actions)
            cut = cut_that_stands(platform, current, landed)
            if cut:
                arrivals = platform.ledger.arrivals(dataset.name, business_date, business_date)
                landed = with_kept(platform, landed, cut, arrivals)
        rules = rules_of(dataset, business_date, landed.inputs, landed.arrivals, actions, platform.clock())
        prepared = Prepared(
            platform=platform,
            dataset=dataset,
            business_date=business_date,
            request=request,
            attempt=attempt,
            lock=lock,
            landed=landed,
            rules=rules,
            settled=_skipped(platform, actions, current) or _settled(platform, landed, current, cut, rules),
            not_expected=why_not_expected(dataset, business_date, landed.inputs, current, platform.clock()),
            current=current,
        )
        if prepared.settled or prepared.not_expected:
            return prepared
        with attempt.step("stage"):
            wait_for_turn(platform, dataset.name, dataset.write_limits, request)
            stagings = stage(platform, landed, request, threads=threads)
            examined = examine(platform, dataset, business_date, stagings)
        return replace(prepared, stagings=stagings, examined=examined)


def _current(platform: Platform, landed: Landed, actions: Sequence[OperatorAction]) -> Standing | None:
    """What stands published; looked up afresh where it would end the try."""
    name, day = landed.dataset.name, landed.business_date
    current = platform.lake.remembered_standings(name).get(day)
    same = current and (landed.inputs.waiting or current.content_hash == landed.content_hash)
    if same or last_skip(actions, day):
        return platform.lake.standings(name).get(day)
    return current


def _skipped(platform: Platform, actions: Sequence[OperatorAction], current: Standing | None) -> Decision | None:
    """The decision where the date is skipped, and nothing that this try saw or that came before it is newer."""
    if current is None or current.state is not State.SKIPPED:
        return None
    name, day = current.dataset, current.business_date
    return as_skipped(actions, current, platform.ledger.arrivals(name, day, day))


def _settled(
    platform: Platform, landed: Landed, current: Standing | None, cut: Publication | None, rules: Rules
) -> Decision | None:
    """The decision where nothing has to be staged: nothing new is delivered, or it is not to be published."""
    name, day, content, waiting = landed.dataset.name, landed.business_date, landed.content_hash, landed.inputs.waiting
    if current and (content is None or waiting):
        same = nothing_new(landed, platform.lake.publications(name, day, day).get(day))
        if same:
            return same
    if content is None:
        return Decision(move=Move.WAIT, reasons=waiting)
    if cut and (lost := lost_from(landed, cut)):
        return Decision(move=Move.WAIT, reasons=(*lost, *waiting))
    if content in rules.rulings.withdrawn or (current and current.content_hash == content):
        return decide_publication(content_hash=content, waiting=waiting, verdict=None, current=current, rules=rules)
    return None


@contextmanager
def _released_on_error(lock: ExitStack) -> Iterator[None]:
    try:
        yield
    except BaseException:
        lock.close()
        raise
