"""Names of the tags on runs: `dagster.yaml` limits some of them, the others are for people.

The coordinator sets them on every submitted run and overwrites earlier values, except where a tag is described as
given by the requester.
"""

CLASS_TAG = "settlement/class"
"""The service class: `fresh`, `correction`, `backfill` or `maintenance`."""

CLASS_REASON_TAG = "settlement/class_reason"

PRIORITY_TAG = "dagster/priority"
"""Dagster's own tag: the queue starts the highest priority first. It rises while a run waits."""

SLOTS_TAG = "settlement/slots"

COMMON = "common"
"""The value of the slots tag on every run that is not fresh, so that none of them takes a reserved slot."""

DATASET_TAG = "settlement/dataset"
"""The dataset or mart: given by the job, or else taken from the first asset that the run selects."""

DATASET_SHARE_TAG = "settlement/dataset_share"
"""The dataset or mart again, on runs that are not fresh."""

DATE_TAG = "settlement/date"
"""`<dataset>:<business date>` of a run of a single date."""

TABLE_TAG = "settlement/table"
"""The published table that a run writes."""

OWNER_TAG = "settlement/owner"

OWNER_QUOTA_TAG = "settlement/owner_quota"
"""The owner again, on runs that are not fresh."""

BACKFILL_PRIORITY_TAG = "settlement/backfill_priority"
"""The priority that an operator gave a backfill, below that of fresh runs; given by the backfill to its runs."""

PAUSED_TAG, PAUSED, NOT_PAUSED = "settlement/paused", "yes", "no"
"""The tag, and its values, that keep a run in the queue; given by a pause."""

WAITS_SINCE_TAG = "settlement/waits_since"
"""The end of a run's last pause, in ISO 8601, from which its waiting counts; given when the pause ends."""

RESTATES_TAG = "settlement/restates"
"""`true` on a run for a delivery or an input that changes a published date; given by the requester."""

CATCH_UP_TAG = "settlement/catch_up"
"""The dataset, on a catch-up run: a sensor requested a date that closed before it was published."""

MAINTENANCE_TAG = "settlement/maintenance"
"""`true` on a run that only maintains the stores; given by its job."""

OPERATOR_TAG = "settlement/operator"
"""The action that an operator's job executes; given by the job."""

WORKER_TAG = "settlement/worker"
"""The process that executes the run: `<host>:<process id>:<start, in seconds since 1970>`."""

LIMITED_TAGS = frozenset({PAUSED_TAG, CLASS_TAG, SLOTS_TAG, DATASET_SHARE_TAG, DATE_TAG, TABLE_TAG, OWNER_QUOTA_TAG})
"""The tags that `dagster.yaml` limits."""

DISPLAYED_TAGS = frozenset({CLASS_REASON_TAG, PRIORITY_TAG, DATASET_TAG, OWNER_TAG, WORKER_TAG})
"""The tags for reading, sorting and finding runs, which limit nothing."""
