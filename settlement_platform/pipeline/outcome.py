"""What one try to move a business date came to."""

from dataclasses import dataclass
from datetime import date

from settlement_platform.control.facts import CurrentPublication, Publication, Staging, Verdict
from settlement_platform.control.publishing.gate import Decision
from settlement_platform.control.publishing.restatement import Difference


@dataclass(frozen=True, kw_only=True)
class DateOutcome:
    """What a try came to: the decision with its reasons, and all that it is based on.

    `watermark` is set when the dataset's watermark advanced, `newly_landed` when a delivery was seen for the first
    time, `preview` holds a few rows as a Markdown table. `difference` is what a restatement changed, or would;
    `standing` is what stood published before, `paused` that an operator's action went on beside a pause.
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
