"""Airflow: a DAG of four tasks, whose logical date is the business date."""  # noqa: INP001 - Airflow loads it

from datetime import UTC, datetime, timedelta

from airflow.sdk import chain, dag, task

from benchmarks.peers import work

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
LAST = FIRST + timedelta(days=480)
"""In the past, so that the schedule asks for nothing itself."""


@dag(
    dag_id="settlement",
    schedule="@daily",
    start_date=FIRST,
    end_date=LAST,
    catchup=False,
    is_paused_upon_creation=False,
    default_args={"weight_rule": "fresh_first.FreshFirst"},
)
def settlement() -> None:
    """One business date."""
    steps = (work.wait_for_files, work.stage, work.validate, work.publish)
    chain(*(task(step)("{{ ds }}") for step in steps))


settlement()
