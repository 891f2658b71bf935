"""May sensors and schedules launch anything for a dataset now?"""

from settlement_platform.control.rulings import fold_pause, ruled
from settlement_platform.pipeline.platform import Platform


def launch_refusals(platform: Platform, dataset: str) -> tuple[str, ...]:
    """Why sensors and schedules launch nothing for a dataset; empty when they may."""
    paused = fold_pause(a for a in platform.ledger.actions(dataset) if a.business_date is None)
    return (f"{dataset} is paused by {ruled(paused)}",) if paused else ()
