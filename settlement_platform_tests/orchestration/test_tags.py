"""Tags are stored with every run and written into people's dagster.yaml: none may be renamed without notice."""

from settlement_platform.orchestration import requests, tags
from settlement_platform.orchestration.dagster_internals import runs
from settlement_platform.orchestration.queue import backfill_records, run_index
from settlement_platform_tests.test_definitions import definitions

TAGS = {
    tags: {
        "BACKFILL_PRIORITY_TAG": "settlement/backfill_priority",
        "CATCH_UP_TAG": "settlement/catch_up",
        "CLASS_REASON_TAG": "settlement/class_reason",
        "CLASS_TAG": "settlement/class",
        "DATASET_SHARE_TAG": "settlement/dataset_share",
        "DATASET_TAG": "settlement/dataset",
        "DATE_TAG": "settlement/date",
        "MAINTENANCE_TAG": "settlement/maintenance",
        "OPERATOR_TAG": "settlement/operator",
        "OWNER_QUOTA_TAG": "settlement/owner_quota",
        "OWNER_TAG": "settlement/owner",
        "PAUSED_TAG": "settlement/paused",
        "PRIORITY_TAG": "dagster/priority",
        "RESTATES_TAG": "settlement/restates",
        "SLOTS_TAG": "settlement/slots",
        "TABLE_TAG": "settlement/table",
        "WAITS_SINCE_TAG": "settlement/waits_since",
        "WORKER_TAG": "settlement/worker",
    },
    requests: {"ACTOR_TAG": "settlement/actor", "REASON_TAG": "settlement/reason"},
    run_index: {"CONTENT_TAG": "settlement/content"},
    backfill_records: {"PAUSED_BY_TAG": "settlement/paused_by"},
    runs: {
        "ASSET_PARTITION_RANGE_END_TAG": "dagster/asset_partition_range_end",
        "ASSET_PARTITION_RANGE_START_TAG": "dagster/asset_partition_range_start",
        "BACKFILL_ID_TAG": "dagster/backfill",
        "PARTITION_NAME_TAG": "dagster/partition",
        "RETRY_NUMBER_TAG": "dagster/retry_number",
        "RUN_KEY_TAG": "dagster/run_key",
        "SCHEDULE_NAME_TAG": "dagster/schedule_name",
        "SENSOR_NAME_TAG": "dagster/sensor_name",
        "USER_TAG": "user",
        "WILL_RETRY_TAG": "dagster/will_retry",
    },
}

JOB_TAGS = {
    "build_merchant_daily_net_again": {"settlement/dataset": "merchant_daily_net"},
    "build_network_fee_summary_again": {"settlement/dataset": "network_fee_summary"},
    "daily_card_settlements": {"settlement/dataset": "card_settlements"},
    "operator_approve": {"settlement/operator": "approve"},
    "operator_discard": {"settlement/operator": "discard"},
    "operator_pause": {"settlement/operator": "pause"},
    "operator_release": {"settlement/operator": "release"},
    "operator_reset_breaker": {"settlement/operator": "reset_breaker"},
    "operator_resume": {"settlement/operator": "resume"},
    "operator_rollback": {"settlement/operator": "rollback"},
    "operator_skip": {"settlement/operator": "skip"},
    "tidy": {"settlement/maintenance": "true"},
}


def test_tags_keep_their_names() -> None:
    """A tag that is added, renamed or removed is added, renamed or removed here too."""
    found = {(name, value) for module in TAGS for name, value in vars(module).items() if name.endswith("_TAG")}

    assert found == {each for expected in TAGS.values() for each in expected.items()}


def test_jobs_keep_their_tags() -> None:
    jobs = definitions().get_repository_def().get_all_jobs()

    assert {job.name: dict(job.tags) for job in jobs if not job.name.startswith("__")} == JOB_TAGS
