"""Airflow: a DAG of four tasks, whose logical date is the business date."""  # noqa: INP001 - Airflow loads it

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import chain, dag, task

from benchmarks.peers import work

FIRST = datetime.fromisoformat(os.environ[work.FIRST]).replace(tzinfo=UTC)
LAST = datetime.now(UTC) - timedelta(days=2)
"""A date in the past, so that the schedule requests nothing; fresh dates are later, and the trigger names them."""
DAY = "{{ dag_run.conf['business_date'] if dag_run.conf else ds }}"


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
    """Process one business date."""
    steps = (work.wait_for_files, work.stage, work.validate, work.publish)
    chain(*(task(step)(DAY) for step in steps))


settlement()
