"""Freshness of a published table, read from the lake."""

from datetime import date, datetime

from settlement_platform.catalog import by_kind
from settlement_platform.control.timeliness.freshness import Freshness, fold_watermark, judge_freshness
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.marts.outdated import overtaken_dates
from settlement_platform.pipeline.platform import Platform


def freshness_of(platform: Platform, declared: PublishedTable, now: datetime) -> Freshness:
    """Return the freshness of a dataset or a mart against its target, with the outdated dates of a mart.

    Raises:
        TransientFailure: the lake did not answer.
    """
    outdated = by_kind(declared, dataset=lambda _: (), mart=lambda mart: overtaken_dates(platform.lake, mart))
    return judge_freshness(
        first_date=platform.first_date_of(declared.name),
        watermark=current_watermark(platform, declared.name),
        timeliness=declared.timeliness,
        now=now,
        outdated=outdated,
    )


def current_watermark(platform: Platform, name: str) -> date | None:
    """Return the watermark of a dataset or a mart; None before the first.

    It is folded from what is published, as the first date may have been set earlier or later since the lake stored its
    own. A first date after all that is published leaves the stored one.

    Raises:
        TransientFailure: the lake did not answer.
    """
    first = platform.first_date_of(name)
    states = {day: current.state for day, current in platform.lake.current_publications(name).items()}
    folded = fold_watermark(first, states)
    if folded:
        return folded
    stored, _ = platform.lake.watermark(name)
    return stored if stored in states and stored < first else None
