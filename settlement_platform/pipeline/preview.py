"""A few staged rows for a person to look at."""

from collections.abc import Sequence

from settlement_platform.control.facts import Staging
from settlement_platform.control.withholding import presentable
from settlement_platform.pipeline.platform import Platform
from settlement_platform.pipeline.staged_rows import staged_relation
from settlement_platform.storage.errors import judged

ROWS = 5


def preview_rows(platform: Platform, stagings: Sequence[Staging]) -> str:
    """The first rows of the first source with any, as a Markdown table; `no rows` when there are none."""
    with_rows = [s for s in stagings if s.rows and s.path][:1]
    if not with_rows:
        return "no rows"
    with judged("Reading staged rows", dependency="staging"), platform.lake.cursor() as cursor:
        result = cursor.execute(f"FROM {staged_relation(with_rows)} LIMIT {ROWS}")
        names = [column[0] for column in result.description or ()]
        rows = result.fetchall()
    lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: object) -> str:
    return (presentable(str(value)) or "").replace("|", "\\|").replace("\n", " ")
