"""Reasons of the landing zone: what a source waits for, and why a delivery does not count or disagrees."""

from settlement_platform.control.reasons.reason import ReasonTemplate

NO_FILE_YET = ReasonTemplate("no_file_yet", "{source}: no file {key} yet")
NOT_ARRIVED_BY = ReasonTemplate("not_arrived_by", "{source}: had not arrived by {moment:%Y-%m-%d %H:%M:%S} UTC")
DATA_FILE_MISSING = ReasonTemplate("data_file_missing", "{source}: the data file has not arrived (only {key})")
CONTROL_FILE_MISSING = ReasonTemplate("control_file_missing", "{source}: the control file has not arrived (only {key})")
FILES_TO_CHECK = ReasonTemplate(
    "files_to_check",
    "to be checked: the files of {sources} have other time stamps than those on record; the next scan reads them again",
)
LINK_NOT_FOLLOWED = ReasonTemplate(
    "link_not_followed",
    "{source}: {key} is a symbolic link, which is not followed; put the file or folder itself there",
)
DATA_FILE_NEWER = ReasonTemplate(
    "data_file_newer", "{source}: {key} is newer than its control file, so it is still being delivered"
)
# This sentence is part of content hashes on record: a change of it would make each such delivery a new one.
BOTH_FORMS_DELIVERED = ReasonTemplate(
    "both_forms_delivered",
    "{plain} and {gzipped} were both delivered, and nothing says which counts. "
    "Remove one of them, or deliver the next version.",
)

VERSION_SUPERSEDED = ReasonTemplate(
    "version_superseded",
    "{source}: version {newest} was delivered and its files are missing; version {version} does not replace it",
)
FILE_MISSING = ReasonTemplate("file_missing", "{source}: {key}, observed {observed_at}, is missing")
FILE_MISSING_OLDER_VERSION = ReasonTemplate(
    "file_missing_older_version",
    "{source}: {key}, observed {observed_at}, is missing; version {version} does not replace it",
)
FILE_MISSING_OLDER_FILE = ReasonTemplate(
    "file_missing_older_file",
    "{source}: {key}, observed {observed_at}, is missing; an older file is in its place",
)
PUBLISHED_FILE_MISSING = ReasonTemplate(
    "published_file_missing",
    "{source}: generation {generation} has {key}, whose files are missing; deliver them again",
)

DELIVERY_TOO_LARGE = ReasonTemplate(
    "delivery_too_large",
    "larger than the limit of {most_bytes:,} bytes, uncompressed. "
    "Deliver it in parts, or raise `limits` in the declaration of the dataset",
)
LINE_TOO_LONG = ReasonTemplate(
    "line_too_long",
    "longer than the limit of {most_bytes:,} bytes of a line. Deliver lines of at most this length",
)

DECLARED_DIFFERS = ReasonTemplate("declared_differs", "{field}: declared {declared}, is {actual}")
CURRENCY_WITHOUT_ROWS = ReasonTemplate("currency_without_rows", "{currency}: declared, but no row has it")
CURRENCY_UNDECLARED = ReasonTemplate("currency_undeclared", "{currency}: has rows, but is not declared")
TOTAL_DIFFERS = ReasonTemplate(
    "total_differs", "{currency} {column}: declared {declared}, measured {measured} (off by {difference:+,})"
)
TOTAL_DIFFERS_WITHHELD = ReasonTemplate(
    "total_differs_withheld", "{currency} {column}: declared and measured differ {withheld}"
)

CONTROL_FILE_TOO_LARGE = ReasonTemplate(
    "control_file_too_large", "it is larger than the {limit:,} bytes that a control file may have"
)
CONTROL_FILE_NOT_UTF8 = ReasonTemplate("control_file_not_utf8", "it is not UTF-8 (byte {byte})")
CONTROL_FILE_NOT_JSON = ReasonTemplate("control_file_not_json", "it is not JSON: line {line}, column {column}: {fault}")
CONTROL_FILE_NUMBER_TOO_LONG = ReasonTemplate(
    "control_file_number_too_long", "it has a number with more digits than any total has"
)
CONTROL_FILE_NESTED_TOO_DEEP = ReasonTemplate("control_file_nested_too_deep", "its JSON is nested too deeply")
CONTROL_FILE_NOT_OBJECT = ReasonTemplate("control_file_not_object", "it must be a JSON object, not {value}")
MEMBER_NAME_WITHHELD = ReasonTemplate("member_name_withheld", "the name of a member is {withheld}")
MEMBER_DOUBLED = ReasonTemplate("member_doubled", "member {member} occurs more than once")
MEMBER_MISSING = ReasonTemplate("member_missing", "member {member!r} is missing")
MEMBER_OF_OTHER_TYPE = ReasonTemplate("member_of_other_type", "member {member!r} must be {wanted}, not {value}")
NUMBER_NOT_INTEGER = ReasonTemplate("number_not_integer", "{name} must be an integer, not {value}")
NUMBER_NOT_DECIMAL = ReasonTemplate("number_not_decimal", "{name} must be a decimal number, not {value}")
NUMBER_TOO_LONG = ReasonTemplate("number_too_long", "{name} has more than {limit} digits")
ROWS_NEGATIVE = ReasonTemplate("rows_negative", "member 'rows' must not be negative ({rows})")
ROWS_TOO_MANY = ReasonTemplate("rows_too_many", "member 'rows' must not be more than {limit:,}")
CURRENCY_UNPRINTABLE = ReasonTemplate("currency_unprintable", "totals of {currency}: the name must be printable text")
CURRENCY_WITHHELD = ReasonTemplate("currency_withheld", "totals of a currency whose name is {withheld}")
TOTALS_NOT_OBJECT = ReasonTemplate("totals_not_object", "totals of {currency} must be an object, not {value}")
TOTAL_MISSING = ReasonTemplate("total_missing", "totals of {currency} lack {column!r}")
