"""The reason of a decision: a sentence for people, with a stable code and parameters for programs."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from string import Formatter
from types import MappingProxyType
from typing import Any, Self

from settlement_platform.control.durations import format_duration


class Reason(str):
    """A sentence that carries its code and its parameters.

    It is the sentence wherever text is wanted: it compares, joins, prints and is stored as text. Only programs that
    need to tell reasons apart look at `code` and `parameters`. Made by a `ReasonTemplate`.
    """

    __slots__ = ("_code", "_parameters")
    _code: str
    _parameters: Mapping[str, Any]

    def __new__(cls, sentence: str, *, code: str, parameters: Mapping[str, Any]) -> Self:
        """Return the sentence as a reason; the parameters are brought into the form that JSON can carry."""
        reason = super().__new__(cls, sentence)
        reason._code = code
        reason._parameters = MappingProxyType({name: as_parameter(value) for name, value in parameters.items()})
        return reason

    @property
    def code(self) -> str:
        """The stable code, in snake case."""
        return self._code

    @property
    def parameters(self) -> Mapping[str, Any]:
        """Values that JSON can carry: dates in ISO form, moments in RFC 3339, durations in seconds."""
        return self._parameters

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (str(self), self._code, dict(self._parameters))


def _restored(sentence: str, code: str, parameters: Mapping[str, Any]) -> Reason:
    return Reason(sentence, code=code, parameters=parameters)


def rfc3339(moment: datetime) -> str:
    """Return a moment as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def as_parameter(value: object) -> Any:  # noqa: ANN401, PLR0911 - any JSON value, one return for each kind
    """Return a value in the form that JSON can carry; a reason within a reason becomes its code and parameters.

    Raises:
        TypeError: the value is of a type that no parameter has.
    """
    match value:
        case Reason():
            return {"code": value.code, "parameters": dict(value.parameters)}
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case datetime():
            return rfc3339(value)
        case date():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(name): as_parameter(each) for name, each in value.items()}
        case Sequence() | AbstractSet():
            return tuple(as_parameter(each) for each in value)
    message = f"{type(value).__name__} cannot be a parameter of a reason"
    raise TypeError(message)


@dataclass(frozen=True)
class ReasonTemplate:
    """A code and the sentence that its parameters fill; call it with the parameters to get the `Reason`.

    `sentence` is a format string. Moments, durations and lists appear as people read them, and `{n:row|rows}` gives a
    number with its noun, `{reasons:; }` a list with another separator. Each of `optional` is appended where all of its
    parameters are given and not empty. Parameters that no sentence names are carried along.
    """

    code: str
    sentence: str
    optional: tuple[str, ...] = ()

    def __call__(self, **parameters: object) -> Reason:
        """Return the reason with these parameters.

        Raises:
            KeyError: the sentence needs a parameter that is not given.
        """
        clauses = [self.sentence, *(c for c in self.optional if all(parameters.get(name) for name in _fields(c)))]
        return Reason(
            "".join(_SENTENCES.vformat(c, (), parameters) for c in clauses), code=self.code, parameters=parameters
        )


def _fields(clause: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(clause) if name]


class _SentenceFormatter(Formatter):
    """Formats parameters as people read them."""

    def format_field(self, value: Any, format_spec: str) -> str:  # noqa: ANN401 - any parameter
        if "|" in format_spec:
            one, many = format_spec.split("|")
            return f"{value:,} {one if value == 1 else many}"
        if isinstance(value, tuple | list):
            return (format_spec or ", ").join(str(each) for each in value)
        if not format_spec:
            return _for_people(value)
        return str(super().format_field(value, format_spec))


_SENTENCES = _SentenceFormatter()


def _for_people(value: object) -> str:
    match value:
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        case timedelta():
            return format_duration(value)
        case str():
            return str(value)
        case Sequence() | AbstractSet():
            return ", ".join(str(each) for each in value)
    return str(value)


def reason_codes(reasons: Iterable[str]) -> list[dict[str, Any] | None] | None:
    """Return the code and parameters beside each sentence, in the same order.

    A sentence that was read back from a store has no code any more, and None beside it; where none has a code, the
    whole is None.
    """
    found = [as_parameter(each) if isinstance(each, Reason) else None for each in reasons]
    return None if found and not any(found) else found


def has_code(text: str, template: ReasonTemplate) -> bool:
    """Return whether a text is a reason made from this template; false for a text that was read back from a store."""
    return isinstance(text, Reason) and text.code == template.code
