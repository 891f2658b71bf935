"""The outcome of an attempt on one business date."""

from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import CurrentPublication, Publication, Staging, Verdict
from settlement_platform.control.publishing.gate import Decision
from settlement_platform.control.publishing.restatement import Difference


@dataclass(frozen=True, kw_only=True)
class DateOutcome:
    """The decision on a business date with its reasons, and everything that the decision rests on.

    `watermark` is set if the dataset's watermark advanced, `newly_landed` if a delivery was seen for the first time.
    `preview` holds a few rows as a Markdown table. `difference` is the change of a restatement, made or only proposed.
    `current` is the publication before the attempt; `paused` says that an operator's action ignored a pause.
    """

    dataset: str
    business_date: date
    decision: Decision
    content_hash: str | None
    newly_landed: bool = False
    preview: str = ""
    stagings: tuple[Staging, ...] = ()
    verdict: Verdict | None = None
    publication: Publication | None = None
    difference: Difference | None = None
    watermark: date | None = None
    current: CurrentPublication | None = None
    paused: str = ""
