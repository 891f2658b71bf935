"""Which dates of a mart do not hold what their published inputs say they should?"""

from datetime import date

from settlement_platform.control.facts import State
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.gate import launch_refusals
from settlement_platform.pipeline.outlook import outdated_dates
from settlement_platform.pipeline.platform import Platform


def dates_to_follow(platform: Platform, mart: Mart) -> dict[date, str]:
    """What each outdated date should hold, the latest first; a provisional input only for a mart that follows it."""
    outdated = outdated_dates(platform, mart)
    inputs = [platform.lake.remembered_standings(name) for name in mart.inputs]
    return {
        day: content
        for day, content in sorted(outdated.items(), reverse=True)
        if mart.provisional or all(i[day].state is not State.PROVISIONAL for i in inputs)
    }


def mart_refusals(platform: Platform, mart: Mart) -> tuple[str, ...]:
    """Why no run of a mart is launched now: what holds for it, and for each of its inputs."""
    return tuple(reason for name in (mart.name, *mart.inputs) for reason in launch_refusals(platform, name))
