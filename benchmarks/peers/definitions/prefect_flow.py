"""Prefect: one flow of four tasks for a business date, and a flow that calls it for each of many."""

import sys

from prefect import flow, task

from benchmarks.peers import work

wait_for_files = task(work.wait_for_files)
stage = task(work.stage)
validate = task(work.validate)
publish = task(work.publish)


@flow
def settle(day: str) -> None:
    """Process one business date."""
    wait_for_files(day)
    stage(day)
    validate(day)
    publish(day)


@flow
def settle_all(days: list[str]) -> None:
    """Process dates one after the other, in this process."""
    for day in days:
        settle(day)


if __name__ == "__main__":
    settle_all(sys.argv[1:])
