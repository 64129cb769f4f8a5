"""What a fault says: pydantic's errors in the words of someone who writes YAML by hand."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args, get_origin

from pydantic import BaseModel

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LONGEST: Final = 40

_EXPECTED: Final = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "model_type": "keys with values",
    "dict_type": "keys with values",
}


def describe(error: ErrorDetails, shape: type[BaseModel]) -> str:
    """Say what is wrong and what was expected, in one line."""
    kind, steps, given = error["type"], error["loc"], error["input"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {found(given)}{_quoting(kind, given)}"
    match kind:
        case "portproof":
            problem = str(context["problem"])
        case "extra_forbidden":
            problem = _unknown_key(str(steps[-1]), keys_at(shape, steps[:-1]))
        case "missing":
            problem = f"the key '{steps[-1]}' is required and has no value here"
        case "enum" | "literal_error":
            problem = f"expected {context['expected']}, found {found(given)}"
        case "string_pattern_mismatch":
            problem = f"{found(given)} does not match the naming pattern {context['pattern']}"
        case "too_short" | "string_too_short":
            problem = "is empty; at least one value is expected"
        case _:
            problem = f"{error['msg'][:1].lower()}{error['msg'][1:]}, found {found(given)}"
    return problem


def found(value: object) -> str:
    """Name a value as its writer would: `the number 22`, `the text 'yes'`, `a list`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"the truth value {str(value).lower()}"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value[:_LONGEST]!r}{'...' if len(value) > _LONGEST else ''}"
        case list():
            return "a list"
        case _:
            return "a mapping"


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Give `; did you mean 'x'?` when something is near, else what there is, if that is short."""
    known = list(names)
    # Comparing takes time quadratic in the length, and nothing long is near to any name.
    near = get_close_matches(name, known, n=1) if len(name) <= 2 * _LONGEST else []
    if near:
        return f"; did you mean '{near[0]}'?"
    few = 12
    return f"; known: {', '.join(sorted(known))}" if 0 < len(known) <= few else ""


def keys_at(shape: type[BaseModel], steps: tuple[str | int, ...]) -> list[str]:
    """Give the keys a document may have at a path."""
    at = shape
    for step in steps:
        if isinstance(step, str) and (field := _field(at, step)) is not None:
            at = _model_in(field) or at
    return [field.alias or name for name, field in at.model_fields.items()]


def _field(shape: type[BaseModel], key: str) -> Any:
    for name, field in shape.model_fields.items():
        if (field.alias or name) == key:
            return field.annotation
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the shape inside `list[...]`, `... | None` and `Annotated[...]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    parts = get_args(annotation)
    if get_origin(annotation) is Annotated:
        parts = parts[:1]
    return next((model for part in parts if (model := _model_in(part))), None)


def _unknown_key(key: str, known: list[str]) -> str:
    few = did_you_mean(key, known)
    return f"unknown key '{key[:_LONGEST]}'{few or '; known: ' + ', '.join(known)}"


def _quoting(kind: str, given: object) -> str:
    """Remind of quotes where text was meant and something else was read."""
    if kind != "string_type" or isinstance(given, list | dict) or given is None:
        return ""
    return "; put it in quotes"
