"""What holds a backfill back?"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What may hold a backfill back; `paused` and `stopped` are words for people, `taken` says who has the slots.

    `ending` says that nothing more of it will be done. `throttled` says which tables' allowances are used up.
    """

    over: bool
    daemon: bool
    ending: bool = False
    paused: str = ""
    stopped: tuple[str, ...] = ()
    queued: int = 0
    started: int = 0
    asked: bool = True
    waiting: int = 0
    taken: str = ""
    throttled: tuple[str, ...] = ()


def held_back_by(found: Circumstances) -> tuple[str, ...]:
    """What holds a backfill back, the most pressing first; empty when nothing does, or it is over."""
    if found.over:
        return ()
    reasons = [] if found.daemon else ["no daemon is running on the instance: it goes on when one is started"]
    if found.ending:
        return (*reasons, "it is to end: nothing more of it is begun, and the runs that are started are stopped")
    reasons += [f"it is paused by {found.paused}"] if found.paused else []
    reasons += list(found.stopped)
    if found.daemon and not found.asked:
        reasons.append("its runs have not been asked for yet: the daemon does that every few seconds")
    if found.queued and not found.started and not found.paused:
        runs = "1 run waits" if found.queued == 1 else f"{found.queued} runs wait"
        reasons.append(f"{runs} in the queue{f': {found.taken}' if found.taken else ''}")
    reasons += list(found.throttled)
    if found.waiting:
        dates = "1 date waits" if found.waiting == 1 else f"{found.waiting} dates wait"
        reasons.append(f"{dates} for files, or for an operator")
    return tuple(reasons)
