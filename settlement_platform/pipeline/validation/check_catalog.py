"""Which checks a verdict on a dataset holds, what each demands, and how one that counts comes out."""

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
"""The checks that staging answers per source, in the order in which they are reported."""


def dataset_checks(dataset: Dataset) -> dict[str, tuple[str, Severity]]:
    """Every check that a verdict on the dataset holds, with what it demands and whether it closes the gate."""
    described = {
        "file_readable": "Every delivered file is UTF-8 text, plain or gzip, and delivered once.",
        "control_file_readable": "Every control file is JSON with business date, source, sha256, rows and totals.",
        "control_file_agrees": "Control files speak of this date, this source and exactly these bytes.",
        "columns_as_declared": "Every declared column is in the header, once.",
        "columns_added": "No other columns are in the header.",
        "records_well_formed": "Every record is RFC 4180 with a field per column.",
        "values_readable": "Every value can be read as its declared type.",
        "no_card_numbers": "No token is a card number.",
        "rows_as_declared": "Files have as many rows as their control files declare.",
        "totals_as_declared": "Sums per currency are those that the control files declare.",
        "null_rates": "No column has more empty fields than its threshold.",
        "minimum_rows": f"The date has at least {dataset.minimum_rows} rows.",
        "business_date_is_partition": "Every row belongs to the business date of its folder.",
        "unique_in_date": f"No {', '.join(dataset.key)} occurs twice on the date.",
        "unique_in_window": f"No key is published on another date within {dataset.duplicate_window_days} days.",
        "volume_like_history": "The volume is like the same weekday's history.",
    }
    described |= {rule.name: f"In every row {rule.description}." for rule in dataset.contract.rules}
    warns = {"columns_added", "volume_like_history"}
    return {n: (text, Severity.WARN if n in warns else Severity.ERROR) for n, text in described.items()}
