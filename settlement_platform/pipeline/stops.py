"""Why sensors and schedules launch nothing for a dataset or a mart, and whose pause is a reason."""

from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.following import mart_refusals
from settlement_platform.pipeline.gate import is_paused, launch_refusals
from settlement_platform.pipeline.platform import Facts, Platform


def refusals_of(platform: Platform | Facts, declared: Dataset | Mart) -> tuple[str, ...]:
    """Every pause and breaker that stops launches: of itself, and for a mart of its inputs; empty when none does."""
    if isinstance(declared, Mart):
        return mart_refusals(platform, declared)
    return launch_refusals(platform, declared.name)


def paused_by(platform: Platform | Facts, declared: Dataset | Mart) -> str:
    """What is paused of a dataset, or of a mart and its inputs; empty when nothing is."""
    names = (declared.name, *(declared.inputs if isinstance(declared, Mart) else ()))
    return next((name for name in names if is_paused(platform, name)), "")
