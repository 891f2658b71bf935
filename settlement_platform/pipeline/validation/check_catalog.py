"""The catalog of checks: each one in a verdict on a dataset, with its requirement and severity."""

from settlement_platform.control.facts import Severity
from settlement_platform.datasets.dataset import Dataset

STAGING_CHECKS = {
    "file_readable": Severity.ERROR,
    "control_file_readable": Severity.ERROR,
    "control_file_agrees": Severity.ERROR,
    "columns_as_declared": Severity.ERROR,
    "columns_added": Severity.WARN,
    "records_well_formed": Severity.ERROR,
    "values_readable": Severity.ERROR,
    "no_card_numbers": Severity.ERROR,
}
"""The checks that staging makes per source, in the order in which they are reported."""


def dataset_checks(dataset: Dataset) -> dict[str, tuple[str, Severity]]:
    """Return, per name of a check in a verdict on the dataset, its requirement as a sentence and its severity."""
    described = {
        "file_readable": "Every delivered file is UTF-8 text, plain or gzip, and delivered once.",
        "control_file_readable": "Every control file is JSON with business date, source, sha256, rows and totals.",
        "control_file_agrees": "Every control file names this date, this source and exactly these bytes.",
        "columns_as_declared": "Every declared column is in the header exactly once.",
        "columns_added": "The header has no other columns.",
        "records_well_formed": "Every record follows RFC 4180, with one field per column.",
        "values_readable": "Every value has its declared type.",
        "no_card_numbers": "No text contains a card number, except in columns declared to hold other long numbers.",
        "rows_as_declared": "Every file has as many rows as its control file declares.",
        "totals_as_declared": "The sums per currency equal those in the control files.",
        "null_rates": "Every column is within its limit for empty fields.",
        "minimum_rows": f"The date has at least {dataset.minimum_rows} rows.",
        "business_date_is_partition": "Every row belongs to the business date of its folder.",
        "unique_in_date": f"No {', '.join(dataset.key)} appears twice on the date.",
        "unique_in_window": f"No key is published on another date within {dataset.duplicate_window_days} days.",
        "volume_like_history": "The number of rows is similar to the same weekday's history.",
    }
    described |= {rule.name: f"In every row {rule.description}." for rule in dataset.contract.rules}
    warns = {"columns_added", "volume_like_history"}
    return {n: (text, Severity.WARN if n in warns else Severity.ERROR) for n, text in described.items()}
