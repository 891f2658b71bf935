"""The kinds of work that a soak kills: how each is prepared, done, and done again by whoever recovers it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random

from settlement_platform.marts.catalog import MARTS
from settlement_platform_tests.pipeline.installation import NAME
from settlement_platform_tests.soak.deliveries_of_dates import Delivered
from settlement_platform_tests.soak.scene import BusinessDate, Scene

DONE, REFUSED = 0, 3
DAEMON, PUBLISH, TIDY = "daemon", "publish", "tidy"
"""Steps that are no command: a round of the daemon, the pipeline without Dagster, and tidying as if days had passed."""

SENSORS_SEE_DATES = 2
"""Sensors take up corrections of the last two dates only; older ones are an operator's to backfill."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A `settlement` command, or something done without one; `codes` are the exit codes that are no error."""

    arguments: tuple[str, ...]
    codes: frozenset[int] = frozenset({DONE})


@dataclass(frozen=True, kw_only=True)
class Work:
    """Work that is killed: steps before it, its own, those of its recovery, and what each date contains after it."""

    kind: str
    steps: tuple[Step, ...]
    recovery: tuple[Step, ...]
    setup: tuple[Step, ...] = ()
    changes: Mapping[date, Delivered] = field(default_factory=dict)
    rolls_back: date | None = None
    expires: bool = False


def plan_work(scene: Scene, random: Random, weights: Mapping[str, int]) -> Work:
    """Choose the next work among the kinds that the scene is ready for, and deliver what it needs."""
    feasible = {kind: weight for kind, weight in weights.items() if _is_feasible(scene, kind)}
    kind = random.choices(list(feasible), list(feasible.values()))[0]
    return _PLANS[kind](scene, random)


def _is_feasible(scene: Scene, kind: str) -> bool:
    if kind in ("materialize", "backfill", DAEMON, PUBLISH):
        return True
    if kind == "rollback":
        return any(found.targets_of_rollback() for found in scene.dates.values())
    return bool(scene.published())


def _materialize(scene: Scene, random: Random) -> Work:
    days = _deliver_some(scene, random, 1)
    step = Step(arguments=("materialize", NAME, "--from", str(days[0]), "--to", str(days[-1])))
    return Work(kind="materialize", steps=(step,), recovery=(step,), changes=_delivered(scene, days))


def _publish(scene: Scene, random: Random) -> Work:
    days = _deliver_some(scene, random, 1)
    step = Step(arguments=(PUBLISH, str(days[0])))
    return Work(kind=PUBLISH, steps=(step,), recovery=(step,), changes=_delivered(scene, days))


def _backfill(scene: Scene, random: Random) -> Work:
    days = _deliver_some(scene, random, random.choice((2, 3)))
    # A date between them that was rolled back stays as it is, and is reported as not published.
    codes = frozenset({DONE, REFUSED}) if any(f.rolled_back for f in _between(scene, days)) else frozenset({DONE})
    range_ = ("--from", str(days[0]), "--to", str(days[-1]))
    step = Step(arguments=("backfill", "launch", NAME, *range_, "--reason", "a soak"), codes=codes)
    return Work(kind="backfill", steps=(step,), recovery=(step,), changes=_delivered(scene, days))


def _marts(scene: Scene, random: Random) -> Work:
    day = random.choice(scene.published())
    scene.deliver(day, random)
    range_ = ("--from", str(day), "--to", str(day))
    steps = tuple(Step(arguments=("materialize", mart.name, *range_)) for mart in MARTS)
    setup = (Step(arguments=("materialize", NAME, *range_, "--no-marts")),)
    return Work(kind="marts", setup=setup, steps=steps, recovery=steps, changes=_delivered(scene, [day]))


def _rollback(scene: Scene, random: Random) -> Work:
    day = random.choice([day for day, found in scene.dates.items() if found.targets_of_rollback()])
    found = scene.dates[day]
    target = random.choice(found.targets_of_rollback())
    arguments = ("rollback", NAME, str(day), "--to", str(target), "--reason", "a soak")
    # Where the killed one has committed, the next one is refused, and only the marts are left to build.
    again = Step(arguments=arguments, codes=frozenset({DONE, REFUSED}))
    marts = tuple(Step(arguments=("materialize", m.name, "--from", str(day), "--to", str(day))) for m in MARTS)
    changes = {day: found.generations[target - 1]}
    first = (Step(arguments=arguments, codes=frozenset({DONE, REFUSED})),)
    return Work(kind="rollback", steps=first, recovery=(again, *marts), changes=changes, rolls_back=day)


def _release(scene: Scene, random: Random) -> Work:
    day = random.choice(scene.published())
    scene.deliver(day, random, declares_too_many=True)
    materialize = ("materialize", NAME, "--from", str(day), "--to", str(day))
    release = ("quarantine", "release", NAME, str(day), "--despite", "rows_as_declared", "--reason", "a soak")
    both = frozenset({DONE, REFUSED})
    return Work(
        kind="release",
        setup=(Step(arguments=materialize, codes=frozenset({REFUSED})),),
        steps=(Step(arguments=release, codes=both),),
        recovery=(Step(arguments=release, codes=both), Step(arguments=materialize)),
        changes=_delivered(scene, [day]),
    )


def _tidy(scene: Scene, random: Random) -> Work:
    days_later = random.choice(("0", "31"))
    step = Step(arguments=(TIDY, days_later))
    return Work(kind="tidy", steps=(step,), recovery=(step,), expires=days_later != "0")


def _daemon(scene: Scene, random: Random) -> Work:
    recent = list(scene.dates)[-SENSORS_SEE_DATES:]
    day = random.choice([*scene.unpublished(), *recent])
    scene.deliver(day, random)
    step = Step(arguments=(DAEMON,))
    return Work(kind=DAEMON, steps=(step,), recovery=(step,), changes=_delivered(scene, [day]))


_PLANS: Mapping[str, Callable[[Scene, Random], Work]] = {
    "materialize": _materialize,
    PUBLISH: _publish,
    "marts": _marts,
    "rollback": _rollback,
    "release": _release,
    "tidy": _tidy,
    "backfill": _backfill,
    DAEMON: _daemon,
}


def _deliver_some(scene: Scene, random: Random, count: int) -> list[date]:
    """Deliver so many dates side by side, first those that have nothing published; return them in order."""
    all_days = list(scene.dates)
    new = scene.unpublished()
    at = min(all_days.index(new[0]) if new else random.randrange(len(all_days)), len(all_days) - count)
    days = all_days[at : at + count]
    for day in days:
        scene.deliver(day, random)
    return days


def _between(scene: Scene, days: list[date]) -> list[BusinessDate]:
    return [found for day, found in scene.dates.items() if days[0] <= day <= days[-1]]


def _delivered(scene: Scene, days: list[date]) -> dict[date, Delivered]:
    return {day: scene.dates[day].delivered for day in days}
