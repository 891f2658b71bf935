"""A weight rule for Airflow, which weighs tasks, not runs: tasks outside a backfill go first."""  # noqa: INP001 - Airflow loads it

from typing import TYPE_CHECKING, ClassVar

from airflow.plugins_manager import AirflowPlugin
from airflow.task.priority_strategy import PriorityWeightStrategy

if TYPE_CHECKING:
    from airflow.models import TaskInstance


class FreshFirst(PriorityWeightStrategy):
    """Weigh by the id of the run, which Airflow begins with the kind of the run."""

    def get_weight(self, ti: "TaskInstance") -> int:
        """Return the weight of a task; the higher goes first."""
        return 1 if str(ti.run_id).startswith("backfill") else 1000


class FreshFirstPlugin(AirflowPlugin):
    """Register the rule."""

    name = "fresh_first"
    priority_weight_strategies: ClassVar = [FreshFirst]
