"""Deploy the flow twice, to the queue for fresh dates and the one for backfills: `prefect_deploy POOL FOLDER`."""

import sys

from prefect import flow

if __name__ == "__main__":
    pool, folder = sys.argv[1:]
    found = flow.from_source(source=folder, entrypoint="benchmarks/peers/definitions/prefect_flow.py:settle")
    for queue in ("fresh", "backfill"):
        found.deploy(name=queue, work_pool_name=pool, work_queue_name=queue, build=False, print_next_steps=False)
