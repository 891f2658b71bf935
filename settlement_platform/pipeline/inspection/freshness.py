"""Freshness of a published table, read from the lake."""

from datetime import date, datetime, timedelta

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

    The lake keeps it as of the last publication. Where the first date was set later since then, it is folded anew.

    Raises:
        TransientFailure: the lake did not answer.
    """
    first, (stored, _) = platform.first_date_of(name), platform.lake.watermark(name)
    if stored and stored + timedelta(days=1) >= first:
        return stored
    states = {day: current.state for day, current in platform.lake.current_publications(name).items()}
    return fold_watermark(first, states) or stored
