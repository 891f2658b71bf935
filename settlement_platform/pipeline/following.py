"""Which dates of a mart do not hold what their published inputs say they should?"""

from datetime import date

from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.gate import launch_refusals
from settlement_platform.pipeline.mart_outlook import outdated_dates
from settlement_platform.pipeline.platform import Platform


def dates_to_follow(platform: Platform, mart: Mart) -> dict[date, str]:
    """What each outdated date should hold, the latest first."""
    return dict(sorted(outdated_dates(platform, mart).items(), reverse=True))


def mart_refusals(platform: Platform, mart: Mart) -> tuple[str, ...]:
    """Why no run of a mart is launched now: what holds for it, and for each of its inputs."""
    return tuple(reason for name in (mart.name, *mart.inputs) for reason in launch_refusals(platform, name))
