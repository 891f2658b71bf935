"""A simulated day of the run queue: arrivals and service times are drawn, priorities and ageing are the project's."""

import heapq
import random
import statistics
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import ceil, inf

from settlement_platform.control.service_classes import AGEING, PRIORITIES, Queued, ServiceClass, age

SLOTS, COMMON, SHARE, QUOTA, MAINTENANCE_SLOTS = 48, 40, 3, 12, 4
"""`dagster.yaml` scaled to machines that can do such a day: 20,000 runs of 3 minutes are 42 slots' work."""
DAY = timedelta(days=1)
AGEING_SECONDS = 60
FRONT, LOOKED_AT = 50, 500
"""How many runs of a class ageing looks at, and how many may be held up by limits of their own at its front."""
FRESH, CORRECTION, BACKFILL, MAINTENANCE = ServiceClass
SHARES = {FRESH: 0.30, CORRECTION: 0.08, BACKFILL: 0.60, MAINTENANCE: 0.02}
SERVICE_SECONDS = {FRESH: 60.0, CORRECTION: 60.0, BACKFILL: 240.0, MAINTENANCE: 120.0}
MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(kw_only=True)
class Run:
    """One run of the day; times in seconds since midnight."""

    number: int
    service_class: ServiceClass
    dataset: int
    owner: int
    arrives: float
    takes: float
    priority: int
    started: float | None = None


@dataclass(frozen=True, kw_only=True)
class Waited:
    """How long runs of a class waited, in seconds, how many waited at once, and how many had not begun at the end."""

    runs: int
    median: float
    p95: float
    highest: float
    deepest: int
    left: int


@dataclass(frozen=True, kw_only=True)
class Day:
    """What a day came to."""

    runs: int
    datasets: int
    classes: dict[str, Waited]


@dataclass(kw_only=True)
class _Queue:
    """What waits and what works, under the limits of the queue."""

    waiting: dict[ServiceClass, dict[int, Run]] = field(default_factory=lambda: {c: {} for c in ServiceClass})
    working: list[tuple[float, int]] = field(default_factory=list)
    held: Counter[object] = field(default_factory=Counter)
    deepest: Counter[ServiceClass] = field(default_factory=Counter)


def simulate(*, runs: int, datasets: int, seed: int = 7) -> Day:
    """Draw a day and let it pass, second by second where something happens."""
    drawn = sorted(_draw(runs, datasets, random.Random(seed)), key=lambda r: r.arrives)
    by_number = {r.number: r for r in drawn}
    queue, arriving, now, aged = _Queue(), iter(drawn), 0.0, 0.0
    upcoming = next(arriving, None)
    while now < DAY.total_seconds():
        while upcoming and upcoming.arrives <= now:
            queue.waiting[upcoming.service_class][upcoming.number] = upcoming
            upcoming = next(arriving, None)
        while queue.working and queue.working[0][0] <= now:
            _release(queue, by_number[heapq.heappop(queue.working)[1]])
        if now >= aged + AGEING_SECONDS:
            aged = now
            _age(queue, by_number, now)
        _start(queue, now)
        for service_class, waiting in queue.waiting.items():
            queue.deepest[service_class] = max(queue.deepest[service_class], len(waiting))
        # Nothing changes before the next arrival, end or look for ageing; the queue looks once a second.
        then = [aged + AGEING_SECONDS, upcoming.arrives if upcoming else inf]
        then += [queue.working[0][0]] if queue.working else []
        now = max(now + 1.0, float(ceil(min(then))))
    return Day(runs=runs, datasets=datasets, classes={c.value: _waited(c, drawn, queue) for c in ServiceClass})


def _draw(runs: int, datasets: int, rng: random.Random) -> list[Run]:
    """Fresh runs crowd around 04:00, backfills come as a few large ones, the rest all day long."""
    found, number = [], 0
    for service_class, share in SHARES.items():
        for _ in range(round(runs * share)):
            dataset = rng.randrange(datasets)
            found.append(
                Run(
                    number=number,
                    service_class=service_class,
                    dataset=dataset,
                    owner=dataset % 40,
                    arrives=_arrival(service_class, number, rng),
                    takes=rng.expovariate(1 / SERVICE_SECONDS[service_class]),
                    priority=PRIORITIES[service_class],
                )
            )
            number += 1
    return found


def _arrival(service_class: ServiceClass, number: int, rng: random.Random) -> float:
    hour = 3600.0
    if service_class is FRESH:
        return rng.gauss(4.0, 0.5) * hour if rng.random() < 0.5 else rng.uniform(0, 24) * hour
    if service_class is BACKFILL:
        return (1 + 4 * (number % 5)) * hour
    return rng.uniform(0, 24) * hour


def _claims(run: Run) -> dict[object, int]:
    """What a run holds while it works, with the limit of each."""
    if run.service_class is FRESH:
        return {"slots": SLOTS}
    claims: dict[object, int] = {
        "slots": SLOTS,
        "common": COMMON,
        ("dataset", run.dataset): SHARE,
        ("owner", run.owner): QUOTA,
    }
    return claims | ({MAINTENANCE: MAINTENANCE_SLOTS} if run.service_class is MAINTENANCE else {})


def _start(queue: _Queue, now: float) -> None:
    if queue.held["slots"] >= SLOTS:
        return
    for run in _candidates(queue):
        if queue.held["slots"] >= SLOTS:
            return
        claims = _claims(run)
        if all(queue.held[what] < limit for what, limit in claims.items()):
            queue.held.update(claims.keys())
            run.started = now
            heapq.heappush(queue.working, (now + run.takes, run.number))
            del queue.waiting[run.service_class][run.number]


def _candidates(queue: _Queue) -> list[Run]:
    """The front of each class, the highest priority first; only what is fresh where the shared slots are taken."""
    open_to = [FRESH] if queue.held["common"] >= COMMON else list(ServiceClass)
    front = [r for c in open_to for r in islice(queue.waiting[c].values(), LOOKED_AT)]
    return sorted(front, key=lambda r: (-r.priority, r.arrives))


def _release(queue: _Queue, run: Run) -> None:
    queue.held.subtract(_claims(run).keys())


def _age(queue: _Queue, runs: dict[int, Run], now: float) -> None:
    front = [r for c, w in queue.waiting.items() if c is not FRESH for r in list(w.values())[:FRONT]]
    ahead = any(r.priority == AGEING.overtaking for r in front) or any(
        runs[n].priority == AGEING.overtaking for _, n in queue.working
    )
    queued = [
        Queued(
            run_id=str(r.number),
            service_class=r.service_class,
            since=MIDNIGHT + timedelta(seconds=r.arrives),
            base=PRIORITIES[r.service_class],
            priority=r.priority,
        )
        for r in front
    ]
    for each in age(queued, overtaken=ahead, now=MIDNIGHT + timedelta(seconds=now)):
        runs[int(each.run_id)].priority = each.priority


def _waited(service_class: ServiceClass, drawn: list[Run], queue: _Queue) -> Waited:
    ours = [r for r in drawn if r.service_class is service_class]
    waits = sorted(r.started - r.arrives for r in ours if r.started is not None) or [0.0]
    return Waited(
        runs=len(ours),
        median=statistics.median(waits),
        p95=waits[int(len(waits) * 0.95)],
        highest=waits[-1],
        deepest=queue.deepest[service_class],
        left=sum(r.started is None for r in ours),
    )
