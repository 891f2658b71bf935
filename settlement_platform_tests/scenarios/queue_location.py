"""A code location with the project's assets and jobs and without its sensors and schedules: nothing launches itself."""

import dagster as dg

from settlement_platform.definitions import load_definitions
from settlement_platform.settings import load_settings


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions that the daemon of a test loads."""
    found = load_definitions(load_settings())
    return dg.Definitions(
        assets=found.assets, jobs=found.jobs, resources=found.resources, executor=dg.in_process_executor
    )
