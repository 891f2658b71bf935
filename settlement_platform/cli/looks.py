"""The outlook on business dates of whatever a command names, a dataset or a mart."""

from datetime import date

from settlement_platform.datasets.dataset import Dataset
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.before_first import told_early
from settlement_platform.pipeline.mart_outlook import mart_outlooks
from settlement_platform.pipeline.outlook import Outlook, outlooks_as_seen
from settlement_platform.pipeline.platform import Platform


def look(platform: Platform, declared: Dataset | Mart, first: date, last: date) -> list[Outlook]:
    """The outlook on every date of a range of a dataset or a mart."""
    if isinstance(declared, Mart):
        found = mart_outlooks(platform, declared, first, last)
    else:
        found = outlooks_as_seen(platform, declared, first, last)
    return [told_early(outlook, platform.first_date) for outlook in found]
