"""Reasons of maintenance: which files stay as they are, and why others may be removed."""

from settlement_platform.control.reasons.reason import ReasonTemplate

TOO_FEW_SMALL_FILES = ReasonTemplate(
    "too_few_small_files", "{files:small file|small files}: fewer than {fewest}, or of different columns"
)
FILES_WITH_DELETED_ROWS = ReasonTemplate(
    "files_with_deleted_rows",
    "{files:small file has|small files have} deleted rows, which older snapshots still show",
)
FILES_LARGE_ENOUGH = ReasonTemplate("files_large_enough", "{files:file has|files have} {small_bytes:,} bytes or more")
CATALOG_SUSPICIOUS = ReasonTemplate(
    "catalog_suspicious",
    "the catalog names {known:file|files} and not {orphans:other|others}; check that it is this lake's catalog",
)

UNNEEDED_BY_SNAPSHOTS = ReasonTemplate(
    "unneeded_by_snapshots", "no snapshot has needed them for {grace}, longer than any read takes"
)

STAGING_NOT_ON_RECORD = ReasonTemplate("staging_not_on_record", "nothing on record names it")
STAGED_AGAIN = ReasonTemplate("staged_again", "its input was staged again")
REPLACED_BEFORE_VERDICT = ReasonTemplate(
    "replaced_before_verdict", "its source delivered again before it was validated"
)
FILES_BECAUSE = ReasonTemplate("files_because", "{files:file|files}: {reason}")
ORPHANED_BEFORE_COMMIT = ReasonTemplate(
    "orphaned_before_commit", "the catalog does not name them; the process that wrote them died before the commit"
)
