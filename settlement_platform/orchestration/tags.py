"""The tags by which the run queue knows runs: `dagster.yaml` limits some of them, the others are for people.

The coordinator writes them on every run that is submitted, over whatever was there; those that a run may bring along
itself are named as such.
"""

CLASS_TAG = "settlement/class"
"""The service class: `fresh`, `correction`, `backfill` or `maintenance`."""


CLASS_REASON_TAG = "settlement/class_reason"


PRIORITY_TAG = "dagster/priority"
"""Dagster's own: the queue takes the highest first. It rises while a run waits."""


SLOTS_TAG = "settlement/slots"


COMMON = "common"
"""The value of the slots' tag on every run that is not fresh: none of them gets the reserved slots."""


DATASET_TAG = "settlement/dataset"
"""The dataset or mart. A job brings it along; otherwise it is the first of the assets that a run selects."""


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
"""Where an operator put a backfill in the queue, below what is fresh; its runs bring it along."""


PAUSED_TAG, PAUSED, NOT_PAUSED = "settlement/paused", "yes", "no"
"""A run with this tag and value stays in the queue; a pause brings it along."""


WAITS_SINCE_TAG = "settlement/waits_since"
"""When the last pause of a run ended, in ISO 8601: from then on its waiting counts. The end of the pause brings it
along."""


RESTATES_TAG = "settlement/restates"
"""`true` on a run that is asked for because a delivery, or a mart's input, changed what is published; who asks brings
it along."""


CATCH_UP_TAG = "settlement/catch_up"
"""The dataset, on a run that a sensor asks for of a date that closed before it was published."""


MAINTENANCE_TAG = "settlement/maintenance"
"""`true` on a run that only tends the stores; its job brings it along."""


OPERATOR_TAG = "settlement/operator"
"""The action that an operator's job carries out; the job brings it along."""


WORKER_TAG = "settlement/worker"
"""The process that executes the run: `<host>:<process id>:<start, in seconds since 1970>`."""


LIMITED_TAGS = frozenset({PAUSED_TAG, CLASS_TAG, SLOTS_TAG, DATASET_SHARE_TAG, DATE_TAG, TABLE_TAG, OWNER_QUOTA_TAG})
"""What `dagster.yaml` limits."""


DISPLAYED_TAGS = frozenset({CLASS_REASON_TAG, PRIORITY_TAG, DATASET_TAG, OWNER_TAG, WORKER_TAG})
"""What is written for people, for sorting and for finding runs, and limits nothing."""
