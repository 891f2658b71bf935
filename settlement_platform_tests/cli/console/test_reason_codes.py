"""Every document that lists reasons gives their codes and parameters beside them."""

import json

import pytest

from settlement_platform.cli.console.output import print_json
from settlement_platform_tests.builders import DAY, a_reason

KNOWN = a_reason("input_not_published", "sales: not published", dataset="sales", business_date=DAY)
CODE = {"code": "input_not_published", "parameters": {"dataset": "sales", "business_date": "2026-11-20"}}


@pytest.mark.parametrize(
    ("field", "beside"),
    [
        ("reasons", "reason_codes"),
        ("decision_reasons", "decision_reason_codes"),
        ("held_back_by", "held_back_by_codes"),
        ("launches_stopped", "launches_stopped_codes"),
    ],
)
def test_codes_are_beside_reasons_at_any_depth(capsys: pytest.CaptureFixture[str], field: str, beside: str) -> None:
    print_json({"dates": [{field: (KNOWN,), "state": "waiting"}]})

    (found,) = json.loads(capsys.readouterr().out)["dates"]
    assert found == {field: ["sales: not published"], beside: [CODE], "state": "waiting"}


@pytest.mark.parametrize(("reasons", "beside"), [(["read back"], None), ([], []), (["read back", KNOWN], [None, CODE])])
def test_a_sentence_from_a_store_has_no_code(
    capsys: pytest.CaptureFixture[str], reasons: list[str], beside: object
) -> None:
    print_json({"reasons": reasons})

    assert json.loads(capsys.readouterr().out) == {"reasons": reasons, "reason_codes": beside}
