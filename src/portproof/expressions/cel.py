"""CEL by cel-expr-python: types and names are checked when the file is read, not when a port is judged.

The library is Google's C++ implementation; it is loaded when the first expression is compiled, and
comes with the extra `cel`. Regular expressions in `matches` are RE2's, which cannot run away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Final

from portproof.errors import EvaluationError, ExpressionError, SettingsError
from portproof.expressions.checked import Checked, read_checked
from portproof.model.custom_rule import KNOWN, Kind, Predicate, Value, Variable

MOST_CHARACTERS: Final = 4_000
MOST_NESTING: Final = 2
"""Loops in loops: two lists held against each other, and no third."""
MOST_JOINS: Final = 16
"""Each may double what the one before made of a text that a peer chose."""
STEPS: Final = 10_000
"""Steps over lists in one evaluation: the library's own budget, which cannot be set from Python."""
_LONGEST_REASON: Final = 200

_PROBLEM: Final = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)
_STATUS: Final = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")
_ABSENT: Final = re.compile(r'No value with name "(\w+)" found')
_UNDECLARED: Final = re.compile(r"undeclared reference to '([\w.@]+)'")
_OVERLOAD: Final = re.compile(r"found no matching overload for '([^']*)' applied to '(.*)'")
_EXPECTING: Final = re.compile(r" expecting \{.*\}$")

_TRIALS: Final = {
    "matches": (1, "''.matches(given)"),
    "timestamp": (0, "timestamp(given) == timestamp(given)"),
    "duration": (0, "duration(given) == duration(given)"),
}
"""Functions that not every text is good for: which argument is meant, and how it is tried."""


class CelLanguage:
    """Compiles expressions; what it knows of variables is kept from one to the next."""

    def __init__(self) -> None:
        """Load the library.

        Raises:
            SettingsError: it is not installed.
        """
        try:
            self._cel: Any = import_module("cel_expr_python.cel")
        except ImportError as error:
            problem = "custom rules are written in CEL: pip install 'portproof[cel]'"
            raise SettingsError(f"{problem} ({error})") from None
        self._environments: dict[tuple[Variable, ...], Any] = {}

    def compile(self, text: str, variables: Sequence[Variable]) -> Predicate:
        """Give the predicate that an expression is; see `ExpressionLanguage`."""
        if len(text) > MOST_CHARACTERS:
            problem = f"longer than {MOST_CHARACTERS:,} characters; make several rules of it"
            raise ExpressionError([(MOST_CHARACTERS, problem)])
        environment = self._environment(tuple(variables))
        try:
            compiled = environment.compile(text)
            kind = compiled.return_type().name()
        except RuntimeError as error:
            names = [each.name for each in variables]
            raise ExpressionError(list(_problems(text, str(error), names))) from None
        if kind != "BOOL":
            problem = f"gives {kind.lower()}, not bool: a rule is true where a port deviates"
            raise ExpressionError([(0, problem)])
        checked = read_checked(compiled.serialize())
        problems = [
            *_bounds(checked),
            *self._constants(checked),
            *_unknown_names(checked, variables),
        ]
        if problems:
            raise ExpressionError(problems)
        return _Compiled(compiled, checked.names & {each.name for each in variables})

    def _environment(self, variables: tuple[Variable, ...]) -> Any:
        if variables not in self._environments:
            types = {each.name: self._type(each.kind) for each in variables}
            self._environments[variables] = self._cel.NewEnv(variables=types)
        return self._environments[variables]

    def _type(self, kind: Kind) -> Any:
        types = self._cel.Type
        match kind:
            case Kind.INT:
                return types.INT
            case Kind.TEXT:
                return types.STRING
            case Kind.TRUTH:
                return types.BOOL
            case Kind.INSTANT:
                return types.TIMESTAMP
            case Kind.TEXTS:
                return types.List(types.STRING)
            case Kind.PAIRS:
                return types.Map(types.STRING, types.STRING)

    def _constants(self, checked: Checked) -> Iterator[tuple[int, str]]:
        """Try the constants that a function may refuse: each would be UNKNOWN on every port."""
        for call in checked.calls:
            place, trial = _TRIALS.get(call.function, (0, ""))
            given = call.texts[place] if trial else None
            if given is None:
                continue
            tried = self._environment(_GIVEN).compile(trial)
            try:
                _Compiled(tried, frozenset())({"given": given.value})
            except EvaluationError as error:
                yield given.offset, f"{call.function}: {error}"


_GIVEN: Final = (Variable(name="given", kind=Kind.TEXT, meaning="a constant that is tried"),)


class _Compiled:
    """One expression, ready to be asked."""

    __slots__ = ("_expression", "_reads")

    def __init__(self, expression: Any, reads: frozenset[str]) -> None:
        self._expression = expression
        self._reads = reads

    @property
    def reads(self) -> frozenset[str]:
        return self._reads

    def __call__(self, values: Mapping[str, Value]) -> bool:
        try:
            found = self._expression.eval(data=values).value()
        except RuntimeError as error:
            raise _failure(str(error)) from None
        if found is True or found is False:
            return found
        # An error is a value in CEL; its text is what the library made of it.
        raise _failure(str(found))


def _failure(told: str) -> EvaluationError:
    """Say why an expression has no value: what was absent, else what the library says."""
    absent = _ABSENT.search(told)
    if absent:
        return EvaluationError(f"{absent[1]} has no value", absent=absent[1])
    if "Iteration budget exceeded" in told:
        return EvaluationError(f"it takes more than {STEPS:,} steps over lists")
    return EvaluationError(_STATUS.sub("", _STATUS.sub("", told))[:_LONGEST_REASON])


def _bounds(checked: Checked) -> Iterator[tuple[int, str]]:
    if checked.nesting > MOST_NESTING:
        problem = f"loops (all, exists, filter, map) stand deeper than {MOST_NESTING} in each other"
        yield 0, problem
    if checked.joins > MOST_JOINS:
        yield 0, f"joins texts or lists more than {MOST_JOINS} times (each map and filter is one)"
    if "to_dyn" in checked.functions:
        yield 0, "dyn() would put off to each port what is checked here; compare values of one type"


def _unknown_names(checked: Checked, variables: Sequence[Variable]) -> Iterator[tuple[int, str]]:
    """Hold `"name" in known` against the variables: a misspelt one would never be there."""
    names = [each.name for each in variables]
    for call in checked.calls:
        if call.function == "@in" and call.names[1] == KNOWN and call.texts[0] is not None:
            given = call.texts[0]
            if given.value not in names:
                yield given.offset, f"unknown name {given.value!r}{_meant(given.value, names)}"


def _problems(text: str, told: str, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Give each fault that the compiler tells of, with its offset in the text."""
    lines = text.split("\n")
    found = False
    for line, column, problem in _PROBLEM.findall(told):
        found = True
        before = sum(len(each) + 1 for each in lines[: int(line) - 1])
        offset = min(len(text), before + int(column) - 1)
        yield _begin(text, offset, problem), _plain(problem, names)
    if not found:
        yield 0, _STATUS.sub("", _STATUS.sub("", told))


def _begin(text: str, offset: int, problem: str) -> int:
    """Give where a name begins: of a call, the compiler tells where its parenthesis opens."""
    undeclared = _UNDECLARED.search(problem)
    if undeclared and text[offset : offset + 1] == "(":
        name = undeclared[1]
        if text[:offset].endswith(name):
            return offset - len(name)
    return offset


def _plain(problem: str, names: Sequence[str]) -> str:
    if undeclared := _UNDECLARED.search(problem):
        return f"unknown name {undeclared[1]!r}{_meant(undeclared[1], names)}"
    if overload := _OVERLOAD.search(problem):
        operator, types = overload[1].strip("_@") or overload[1], overload[2]
        return f"{operator!r} cannot be applied to {types}"
    problem = _EXPECTING.sub("", problem)
    return problem.replace("mismatched input '<EOF>'", "the expression ends too early")


def _meant(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
