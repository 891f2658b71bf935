"""Reasons of declarations: why a dataset or a mart is out of service, and what to change."""

from settlement_platform.control.reasons.reason import ReasonTemplate

OUT_OF_SERVICE = ReasonTemplate("out_of_service", "out of service: {fault}")

NOT_IMPORTED = ReasonTemplate("not_imported", "{module} cannot be imported: {error}")
NOT_A_DECLARATION = ReasonTemplate("not_a_declaration", "the list has {found} where a {kind} is expected")
NOT_CHECKED = ReasonTemplate("not_checked", "the declaration cannot be read: {error}")
NAME_TAKEN = ReasonTemplate("name_taken", "an earlier declaration has the name {name}; rename one of them")
FIELD_INVALID = ReasonTemplate("field_invalid", "{field} is {value!r}; give {expected}")
NAMED_TWICE = ReasonTemplate("named_twice", "{field} names {name} twice; remove one")

SCHEMA_NOT_COMPILED = ReasonTemplate("schema_not_compiled", "the schema does not compile: {error}")
COLUMN_MISSING = ReasonTemplate("column_missing", "the column {column} is not declared; add {column}: {expected}")
COLUMN_TYPE_UNFIT = ReasonTemplate("column_type_unfit", "the column {column} is {sql_type}; declare it as {expected}")
COLUMN_DOUBLED = ReasonTemplate(
    "column_doubled", "two columns have the name {column}, in upper or lower case; rename one of them"
)
COLUMN_ADDED_BY_PLATFORM = ReasonTemplate(
    "column_added_by_platform", "the platform itself adds a column {column}; rename the declared one"
)
COLUMN_OPTIONAL = ReasonTemplate(
    "column_optional",
    "the column {column} is optional, but every file must have it; declare it without Optional, with nullable=True",
)
COLUMN_UNKNOWN = ReasonTemplate(
    "column_unknown", "{field} names the column {column}, which is not declared; name one of {known}"
)
COLUMN_NOT_AN_AMOUNT = ReasonTemplate(
    "column_not_an_amount",
    "{field} names the column {column}, which is {sql_type}; name a column of integers or decimals",
)
COLUMN_NEVER_NULL = ReasonTemplate(
    "column_never_null",
    "{field} names the column {column}, which may not be null; declare it with nullable=True, or remove the threshold",
)
KEY_IS_ROW_NUMBER = ReasonTemplate(
    "key_is_row_number", "the key is a row's number, which other files have too; add {missing} to the key"
)

STEM_NOT_LISTED = ReasonTemplate(
    "stem_not_listed",
    "the stem {stem!r} of {source} is never listed; begin it with '{{business_date}}/', then plain names",
)
STEM_SHARED = ReasonTemplate(
    "stem_shared", "the files of {source} and {other} have the same names ({stem}); give one of them another stem"
)

SQL_NOT_BOUND = ReasonTemplate("sql_not_bound", "the SQL of {subject} is wrong: {error}")
SQL_TYPE_DIFFERS = ReasonTemplate(
    "sql_type_differs", "the column {column} is declared as {sql_type}, but its SQL gives {found}; cast it"
)
PUBLISHED_OTHERWISE = ReasonTemplate(
    "published_otherwise", "what is published of it does not fit its declaration: {error}"
)
INPUT_UNKNOWN = ReasonTemplate("input_unknown", "its input {input} is not a dataset; name some of {known}")
INPUT_OUT_OF_SERVICE = ReasonTemplate(
    "input_out_of_service", "its input {input} is out of service; the mart returns with it"
)
