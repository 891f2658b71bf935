"""Reasons in texts for people: found by their code, so that no test but the one of sentences repeats their words."""

import re
from functools import cache
from string import Formatter
from typing import Any

from settlement_platform.control.reasons.reason import ReasonTemplate
from settlement_platform_tests.control.reasons.test_reason import templates


@cache
def _by_code() -> dict[str, ReasonTemplate]:
    return {template.code: template for template in templates()}


def sentence_of(code: str, **parameters: Any) -> str:  # noqa: ANN401 - any parameter
    """Return a pattern of the sentence with this code; a parameter that is not given may be anything on the line.

    Raises:
        KeyError: no reason has this code.
        ValueError: the sentence is nothing but parameters, so that it would be found in any text.
    """
    template = _by_code()[code]
    parts = list(Formatter().parse(template.sentence))
    if not any(literal.strip(" ;:,.()") for literal, *_ in parts):
        message = f"{code} has no words of its own"
        raise ValueError(message)
    return "".join(re.escape(literal) + _field(name, spec, parameters) for literal, name, spec, _ in parts)


def _field(name: str | None, spec: str | None, parameters: dict[str, Any]) -> str:
    if not name:
        return ""
    if name not in parameters:
        return r"[^\n]+?"
    of_field = ReasonTemplate("field", f"{{{name}:{spec}}}" if spec else f"{{{name}}}")
    return re.escape(of_field(**{name: parameters[name]}))


def shows(text: str, code: str, **parameters: Any) -> bool:  # noqa: ANN401 - any parameter
    """Return whether a text shows the reason with this code and these parameters."""
    return re.search(sentence_of(code, **parameters), text) is not None
