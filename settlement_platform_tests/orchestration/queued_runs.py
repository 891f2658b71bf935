"""Runs as the coordinator leaves them in the queue, put on an instance without a code server."""

from collections.abc import Mapping, Sequence

import dagster as dg
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

from settlement_platform.control.queue.service_classes import PRIORITIES, ServiceClass
from settlement_platform.orchestration import tags
from settlement_platform_tests.orchestration.dagster_home import NAME
from settlement_platform_tests.orchestration.private_dagster import create_run_for_test

ORIGIN = RemoteJobOrigin(
    repository_origin=RemoteRepositoryOrigin(
        code_location_origin=RegisteredCodeLocationOrigin(location_name="settlement_platform"),
        repository_name="__repository__",
    ),
    job_name="__ASSET_JOB",
)


def stamped(service_class: ServiceClass, *, dataset: str = NAME, owner: str = "ana", date: str = "") -> dict[str, str]:
    """The tags that the coordinator writes on a run that publishes."""
    found = {
        tags.CLASS_TAG: service_class.value,
        tags.PRIORITY_TAG: str(PRIORITIES[service_class]),
        tags.DATASET_TAG: dataset,
        tags.TABLE_TAG: dataset,
        tags.OWNER_TAG: owner,
    }
    if date:
        found[tags.DATE_TAG] = f"{dataset}:{date}"
    if service_class is ServiceClass.FRESH:
        return found
    return found | {tags.SLOTS_TAG: tags.COMMON, tags.DATASET_SHARE_TAG: dataset, tags.OWNER_QUOTA_TAG: owner}


def add_runs(
    instance: dg.DagsterInstance,
    runs: Sequence[Mapping[str, str]],
    status: dg.DagsterRunStatus = dg.DagsterRunStatus.QUEUED,
) -> list[str]:
    """Put runs on the instance; their ids."""
    return [
        create_run_for_test(
            instance, job_name="__ASSET_JOB", status=status, tags=dict(each), remote_job_origin=ORIGIN
        ).run_id
        for each in runs
    ]
