"""Freshness of a published table, read from the lake."""

from datetime import datetime

from settlement_platform.control.timeliness.freshness import Freshness, judge_freshness
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.platform import Platform


def freshness_of(platform: Platform, declared: PublishedTable, now: datetime) -> Freshness:
    """Return the freshness of a dataset or a mart against its target.

    Raises:
        TransientFailure: the lake did not answer.
    """
    watermark, _ = platform.lake.watermark(declared.name)
    return judge_freshness(first_date=platform.first_date, watermark=watermark, timeliness=declared.timeliness, now=now)
