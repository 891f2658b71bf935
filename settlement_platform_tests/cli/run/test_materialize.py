"""`settlement materialize` builds every mart of its range that is behind, and records nothing of a refused range."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.processing.process_date import prepare, validate_and_publish
from settlement_platform_tests.cli.command import MARTS, NAME, Settle, Shell, codes_in, deliver_days
from settlement_platform_tests.deliveries import deliver_date
from settlement_platform_tests.pipeline.installation import REQUEST, open_home
from settlement_platform_tests.pipeline.operating import a_refused_visa, a_visa

FIRST = datetime.now(UTC).date() - timedelta(days=2)
RANGE = ("--from", FIRST.isoformat(), "--to", (FIRST + timedelta(days=1)).isoformat())
SUMS = (
    f"SELECT (SELECT sum(amount_minor) FROM published.{NAME}), (SELECT sum(gross_minor) FROM published.{MARTS[0]}), "
    f"(SELECT sum(gross_minor) FROM published.{MARTS[1]})"
)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """A home whose dates are not overdue: its second date is yesterday."""
    return Shell(home=tmp_path / "home", exported=(("SETTLEMENT_FIRST_DATE", FIRST.isoformat()),))


def _marts_in_status(settle: Settle) -> list[tuple[bool, bool, str]]:
    """Return of each mart whether it is safe, whether it says that it is outdated, and the next step."""
    found = [d for d in settle("status", "--json").json["datasets"] if d["dataset"] in MARTS]
    return [(d["safe_to_read"], "mart_outdated" in codes_in(d["reason_codes"]), d["next_step"]) for d in found]


def test_a_range_with_a_quarantined_date_builds_the_marts_of_an_earlier_correction(
    shell: Shell, settle: Settle
) -> None:
    """The correction's run ended before its marts; until they are built, `status` calls them unsafe."""
    deliver_days(settle, 2, "--from", FIRST.isoformat())
    settle("materialize", NAME, *RANGE)
    before = _marts_in_status(settle)
    a_visa(FIRST, 9).write(shell.home / "landing")
    settle("materialize", NAME, *RANGE, "--no-marts")
    corrected = _marts_in_status(settle)
    a_refused_visa(FIRST).write(shell.home / "landing")

    ran = settle("materialize", NAME, *RANGE, "--json")

    ((source, *marts),) = settle("sql", SUMS, "--json").json["rows"]
    command = "settlement materialize {} --from {} --to {}"
    assert before == [(True, False, "nothing")] * len(MARTS)
    assert corrected == [(False, True, command.format(mart, FIRST, FIRST)) for mart in MARTS]
    assert ran.code == 3
    assert _outcomes(ran.json["runs"], NAME) == {FIRST: "refuse", FIRST + timedelta(days=1): "already_published"}
    assert [_outcomes(ran.json["runs"], mart)[FIRST] for mart in MARTS] == ["publish", "publish"]
    assert marts == [source] * len(MARTS)
    assert _marts_in_status(settle) == before


def test_a_refused_range_records_no_request_to_judge_again(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its first date was judged under an older contract, its last one is in the future."""
    platform, older = open_home(shell.home), replace(CARD_SETTLEMENTS, minimum_rows=1)
    deliver_date(shell.home / "landing", FIRST)
    validate_and_publish(prepare(platform, older, FIRST, REQUEST))
    future = (FIRST + timedelta(days=30)).isoformat()
    command = ("materialize", NAME, "--from", FIRST.isoformat(), "--to", future, "--rejudge", "--reason", "new rules")

    refused = shell.here(monkeypatch, capsys, *command)

    assert (refused.code, f"{future} is in the future" in refused.err) == (2, True)
    assert platform.ledger.actions(NAME) == []


def _outcomes(runs: list[dict[str, object]], name: str) -> dict[date, object]:
    dates = [each for ran in runs if ran["dataset"] == name for each in ran["dates"]]  # type: ignore[attr-defined]
    return {date.fromisoformat(each["business_date"]): each["outcome"] for each in dates}
