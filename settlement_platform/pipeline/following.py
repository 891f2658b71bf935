"""Which dates of a mart do not hold what their published inputs say, and which of them may be launched now?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from settlement_platform.control.publishing import restates
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.gate import Launch, claim_launch, input_refusals, launch_refusals
from settlement_platform.pipeline.mart_outlook import outdated_dates
from settlement_platform.pipeline.platform import Facts, Platform


@dataclass(frozen=True, kw_only=True)
class Outdated:
    """What a date of a mart should hold; `restates` says that readers take for whole what it holds now."""

    content: str
    restates: bool


def dates_to_follow(platform: Platform, mart: Mart) -> dict[date, Outdated]:
    """The outdated dates, the latest first."""
    wanted = outdated_dates(platform, mart)
    built = platform.lake.standings(mart.name) if wanted else {}
    return {
        day: Outdated(content=content, restates=restates(built.get(day)))
        for day, content in sorted(wanted.items(), reverse=True)
    }


def mart_refusals(platform: Platform | Facts, mart: Mart) -> tuple[str, ...]:
    """Why no run of a mart is launched now: what holds for it, and for each of its inputs."""
    return launch_refusals(platform, mart.name) + _of_inputs(platform, mart)


def claim_mart_launch(platform: Platform | Facts, mart: Mart, dates: Sequence[date]) -> Launch:
    """The dates of a mart that may be launched now: as `claim_launch`, if nothing holds for its inputs.

    Raises:
        TransientFailure: the ledger did not answer.
    """
    waits = _of_inputs(platform, mart)
    return Launch(refusals=waits) if waits else claim_launch(platform, mart.name, dates)


def _of_inputs(platform: Platform | Facts, mart: Mart) -> tuple[str, ...]:
    return tuple(reason for name in mart.inputs for reason in input_refusals(platform, name, mart.name))
