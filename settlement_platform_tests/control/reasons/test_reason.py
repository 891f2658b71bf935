"""A reason is its sentence wherever text is wanted, and keeps its code and parameters for programs."""

import copy
import json
import pickle
import pkgutil
from datetime import UTC, date, datetime, timedelta
from importlib import import_module

import pytest

from settlement_platform.control import reasons
from settlement_platform.control.facts import State
from settlement_platform.control.reasons.reason import Reason, ReasonTemplate, reason_codes
from settlement_platform_tests.builders import a_reason

TEMPLATE = ReasonTemplate(
    "rows_late", "{rows:row|rows} of {sources} came {late} late on {day}", ("; known since {since}",)
)
ROWS_LATE = TEMPLATE(
    rows=1_200,
    sources=["visa", "amex"],
    late=timedelta(hours=2, minutes=10),
    day=date(2026, 11, 20),
    since=datetime(2026, 11, 21, 6, tzinfo=UTC),
    state=State.LATE,
)


def templates() -> list[ReasonTemplate]:
    """Every template of every module."""
    modules = [import_module(f"{reasons.__name__}.{found.name}") for found in pkgutil.iter_modules(reasons.__path__)]
    return [each for module in modules for each in vars(module).values() if isinstance(each, ReasonTemplate)]


def test_a_reason_is_its_sentence() -> None:
    sentence = "1,200 rows of visa, amex came 2 h 10 min late on 2026-11-20; known since 2026-11-21 06:00 UTC"

    assert sentence == ROWS_LATE
    assert hash(ROWS_LATE) == hash(sentence)
    assert json.loads(json.dumps([ROWS_LATE])) == [sentence]
    assert type(str(ROWS_LATE)) is str


def test_parameters_are_values_that_json_carries() -> None:
    """Dates in ISO form, moments in RFC 3339, durations in seconds, enums as their values."""
    assert json.loads(json.dumps(reason_codes([ROWS_LATE]))) == [
        {
            "code": "rows_late",
            "parameters": {
                "rows": 1200,
                "sources": ["visa", "amex"],
                "late": 7800.0,
                "day": "2026-11-20",
                "since": "2026-11-21T06:00:00Z",
                "state": "late",
            },
        }
    ]


def test_a_clause_is_left_out_without_its_parameters() -> None:
    short = TEMPLATE(rows=1, sources=["visa"], late=timedelta(minutes=5), day=date(2026, 11, 20), since=None)

    assert short == "1 row of visa came 5 min late on 2026-11-20"


def test_a_reason_within_a_reason_keeps_its_code() -> None:
    outer = ReasonTemplate("outer", "because: {reason}")(reason=a_reason("inner", "it rains", day=1))

    assert outer == "because: it rains"
    assert outer.parameters == {"reason": {"code": "inner", "parameters": {"day": 1}}}


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda reason: pickle.loads(pickle.dumps(reason))],  # noqa: S301 - our own
)
def test_a_copy_keeps_code_and_parameters(again: "object") -> None:
    found = again(ROWS_LATE)  # type: ignore[operator]

    assert (found, found.code, found.parameters) == (ROWS_LATE, "rows_late", ROWS_LATE.parameters)


def test_a_reason_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        ROWS_LATE.code = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        ROWS_LATE.parameters["rows"] = 2  # type: ignore[index]


def test_what_was_read_back_from_a_store_has_no_code() -> None:
    assert reason_codes(["read back"]) is None
    assert reason_codes([]) == []
    assert reason_codes(["read back", a_reason("known")]) == [None, {"code": "known", "parameters": {}}]


def test_codes_are_unique_and_in_snake_case() -> None:
    codes = [template.code for template in templates()]

    assert sorted(codes) == sorted(set(codes))
    assert all(code.isascii() and code.islower() and code.replace("_", "").isalnum() for code in codes)


def test_reasons_are_immutable_values_of_text() -> None:
    assert isinstance(ROWS_LATE, Reason)
    assert isinstance(ROWS_LATE, str)
