"""The effective entries of a baseline: template, entry and environment laid over one another.

::

    template ─► entry ─► change of the environment      a key that is written replaces the one
      │           │              │                       before it, whole; nothing is merged inside
      └───────────┴──────────────┴──► Effective          a key, so that a reader finds each value
                                                         written out in exactly one place

Each value keeps the place where it was written, so that a fault in it is shown there, and so that
a reader of the effective entry finds what the environment changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from portproof.documents.baseline_files import Files, Part
from portproof.documents.baseline_shape import (
    ChangeShape,
    EntryShape,
    EnvironmentShape,
    TemplateShape,
)
from portproof.documents.portlists import read_one_transport
from portproof.documents.reading import Reading, Steps
from portproof.documents.wording import did_you_mean
from portproof.model.baseline import ChangedKey, Presence, SourceLocation

SPELLINGS: Final = {"to": "hosts", "from": "zones"}
"""Two words for one thing: what people may write, and what the key is called here."""
PRESENCES: Final = {"allow": Presence.ALLOWED, "require": Presence.REQUIRED}
"""Words that say `ports` and `presence` in one: `require: 443` is `ports: 443`, `presence: required`."""

_NEEDED: Final = {
    "hosts": "'to' or 'hosts'",
    "ports": "'ports', 'allow' or 'require'",
    "zones": "'from' or 'zones'",
}
_MOST_HINTS: Final = 20
"""Faults after which none says what was meant: comparing with thousands of ids takes its time."""
_WORDS: Final = {"from_": "from"}
"""What a field of a shape is called in the file, where that is a word of Python."""


class Origin(NamedTuple):
    """Where a value was written."""

    reading: Reading
    steps: Steps


@dataclass(slots=True)
class Effective:
    """One entry as it holds: its values by key, and where each was written."""

    id: str
    origin: Origin
    environment: str = ""
    """The environment that added it."""
    template: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    """What was written, by canonical key; a key that nobody wrote is not there."""
    origins: dict[str, Origin] = field(default_factory=dict)
    changed: tuple[ChangedKey, ...] = ()
    sound: bool = True
    """Whether all of it was read without a fault of the shape."""
    known: bool = True
    """Whether its template was read as well: then what it lacks is lacking."""

    @property
    def location(self) -> SourceLocation:
        """The place of the entry itself."""
        return self.origin.reading.location(self.origin.steps)

    @property
    def readings(self) -> tuple[Reading, ...]:
        """The files that say something of it."""
        held = {id(each.reading): each.reading for each in (self.origin, *self.origins.values())}
        return tuple(held.values())


class _Layer(NamedTuple):
    """A part of an entry, as one place of a file says it."""

    shape: TemplateShape
    origin: Origin


class _Change(NamedTuple):
    """What an environment says of an entry."""

    shape: ChangeShape
    origin: Origin


def effective_entries(files: Files, environment: str) -> tuple[Effective, ...]:
    """Give the entries of all files as they hold in an environment (empty: the base).

    Names that refer to nothing, what is said twice and what is needed and missing are recorded as
    faults; an entry with such a fault of its own is left out.
    """
    files.unique("entries", "id", "entry id")
    files.unique_keys(("templates",), "template")
    templates = _Templates(_templates(files), complete=not files.lost("templates"))
    overlay = _overlay(files, environment)
    found = [
        _laid(written, templates, overlay.changes.get(written.shape.id))
        for part in files.parts
        for written in _written(part, part.document.entries, ("entries",))
        if written.shape.id not in overlay.removed
    ]
    found += [_laid(each, templates, None, environment) for each in overlay.added]
    return tuple(each for each in found if _complete(each))


class _Written(NamedTuple):
    """An entry as it stands in a file."""

    shape: EntryShape
    origin: Origin


def _written(part: Part, entries: Sequence[EntryShape], at: Steps) -> Iterator[_Written]:
    for position, shape in enumerate(entries):
        yield _Written(shape, Origin(part.reading, (*at, position)))


# ---------------------------------------------------------------- templates


class _Templates(NamedTuple):
    """The templates of all files by name; None for one with a fault of its shape."""

    by_name: Mapping[str, _Layer | None]
    complete: bool
    """Whether all of them are known, so that a name that is not there refers to nothing."""


def _templates(files: Files) -> dict[str, _Layer | None]:
    """Give the templates by name, the ports of each judged; None for one with a fault of its shape."""
    found: dict[str, _Layer | None] = {}
    for part in files.parts:
        for name, _ in part.reading.keys(("templates",)):
            shape = part.document.templates.get(name)
            found.setdefault(name, None)
            if shape is not None and found[name] is None:
                found[name] = _Layer(shape, Origin(part.reading, ("templates", name)))
        for name, shape in part.document.templates.items():
            for word in ("ports", *PRESENCES):
                written = getattr(shape, word)
                if written is not None:
                    at = ("templates", name, word)
                    read_one_transport(part.reading, at, written, shape.transport)
    return found


# ---------------------------------------------------------------- environments


@dataclass(slots=True)
class _Overlay:
    """What the chosen environment does to the base."""

    changes: dict[str, _Change] = field(default_factory=dict)
    added: list[_Written] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)


def environment_names(files: Files) -> tuple[str, ...]:
    """Give the environments of all files, in the order of writing."""
    return tuple(dict.fromkeys(name for part in files.parts for name in part.document.environments))


def _overlay(files: Files, chosen: str) -> _Overlay:
    """Judge the references of every environment, and collect what the chosen one says."""
    overlay, known = _Overlay(), dict.fromkeys(files.texts("entries", "id"))
    for name in environment_names(files):
        one = _Overlay()
        for part in files.parts:
            shape = part.document.environments.get(name)
            if shape is not None:
                _collect(part, name, shape, one, known)
        _check_added(files, name)
        if name == chosen:
            overlay = one
    return overlay


def _collect(
    part: Part, name: str, shape: EnvironmentShape, into: _Overlay, known: Mapping[str, None]
) -> None:
    at: Steps = ("environments", name)
    for position, removed in enumerate(shape.remove or ()):
        if removed in known:
            into.removed.add(removed)
        else:
            part.reading.fault((*at, "remove", position), _unknown(part, removed, known))
    for changed, change in shape.entries.items():
        here = (*at, "entries")
        problem = ""
        if changed not in known:
            problem = _unknown(part, changed, known)
        elif changed in into.changes:
            problem = f"entry '{changed}' is changed in another file for {name} already"
        elif changed in into.removed:
            problem = f"entry '{changed}' is removed for {name}, and changed as well"
        if problem:
            part.reading.fault_of_key(here, changed, problem)
        else:
            into.changes[changed] = _Change(change, Origin(part.reading, (*here, changed)))
    into.added.extend(_written(part, shape.add, (*at, "add")))


def _unknown(part: Part, name: str, known: Mapping[str, None]) -> str:
    hint = did_you_mean(name, known) if part.reading.faults_so_far() < _MOST_HINTS else ""
    return f"unknown entry '{name}'{hint}"


def _check_added(files: Files, name: str) -> None:
    """An added id is new: it stands neither in the base nor twice in the environment."""
    rows = [(part, *row) for part in files.parts for row in part.reading.named("entries", "id")]
    at = ("environments", name, "add")
    added = [
        (part, each.id, part.reading.location((*at, position, "id")))
        for part in files.parts
        if (shape := part.document.environments.get(name)) is not None
        for position, each in enumerate(shape.add)
    ]
    files.once("entry id", [*rows, *added])


# ---------------------------------------------------------------- laying over


def _laid(
    written: _Written,
    templates: _Templates,
    change: _Change | None,
    environment: str = "",
) -> Effective:
    shape, origin = written
    entry = Effective(shape.id, origin, environment)
    layers = [_Layer(shape, origin), *([_Layer(*change)] if change else [])]
    if change is not None and change.shape.use:
        layers[:0] = _used(entry, change.shape.use, change.origin, templates)
    elif shape.use:
        layers[:0] = _used(entry, shape.use, origin, templates)
    for layer in layers:
        _lay(entry, layer)
    if change is not None:
        entry.changed = tuple(_changes(change))
    return entry


def _used(entry: Effective, name: str, user: Origin, templates: _Templates) -> list[_Layer]:
    """Give the template of that name as a list of one; empty where it cannot be used."""
    entry.template = name
    if name not in templates.by_name and templates.complete:
        problem = f"unknown template '{name}'{did_you_mean(name, templates.by_name)}"
        user.reading.fault((*user.steps, "use"), problem)
    template = templates.by_name.get(name)
    entry.known = template is not None and not template.origin.reading.damaged(
        template.origin.steps
    )
    entry.sound = entry.known
    return [template] if template is not None else []


def _lay(entry: Effective, layer: _Layer) -> None:
    """Let what a layer says win over what was said so far."""
    reading, steps = layer.origin
    entry.sound = entry.sound and not reading.damaged(steps)
    said: set[str] = set()
    for name in layer.shape.model_fields_set:
        word = _WORDS.get(name, name)
        key = SPELLINGS.get(word, word)
        if word in {"id", "use", *PRESENCES}:
            continue
        if key in said:
            problem = f"'{_words(key)[1]}' and '{key}' mean the same; write one of them"
            reading.fault_of_key(steps, key, problem)
        said.add(key)
        entry.values[key] = getattr(layer.shape, name)
        entry.origins[key] = Origin(reading, (*steps, word))
    _lay_presence(entry, layer)


def _lay_presence(entry: Effective, layer: _Layer) -> None:
    """Let `allow` or `require` say the ports and the presence; it stands for both, and alone."""
    reading, steps = layer.origin
    written = [word for word in PRESENCES if word in layer.shape.model_fields_set]
    for word in written:
        for key in ("ports", "presence"):
            if key in layer.shape.model_fields_set:
                problem = f"'{word}' says the ports and the presence; write it without '{key}'"
                reading.fault_of_key(steps, key, problem)
        origin = Origin(reading, (*steps, word))
        entry.values |= {"ports": getattr(layer.shape, word), "presence": PRESENCES[word]}
        entry.origins |= {"ports": origin, "presence": origin}
    if len(written) > 1:
        problem = "'allow' and 'require' in one entry; write one of them, or two entries"
        reading.fault_of_key(steps, "require", problem)


def _changes(change: _Change) -> Iterator[ChangedKey]:
    reading, steps = change.origin
    for word, place in reading.keys(steps):
        keys = ("ports", "presence") if word in PRESENCES else (SPELLINGS.get(word, word),)
        yield from (ChangedKey(key=key, location=place) for key in keys)


def _complete(entry: Effective) -> bool:
    """Whether all that an entry needs is there; what nobody wrote is recorded as a fault."""
    for key, words in _NEEDED.items():
        if key not in entry.values and entry.known and not _wrote(entry.origin, key):
            whose = (
                f": neither this entry nor its template '{entry.template}' has it"
                if entry.template
                else " and has no value here"
            )
            told = f"the key {words} is required{whose}"
            reading, steps = entry.origin
            empty = {word for word, _ in reading.keys(steps)} & {*_words(key)}
            reading.fault_of_key(steps, min(empty, default=key), told)
    return _NEEDED.keys() <= entry.values.keys()


def _wrote(origin: Origin, key: str) -> bool:
    reading, steps = origin
    return any(reading.wrote(steps, word) for word in _words(key))


def _words(key: str) -> tuple[str, ...]:
    """Give all words for a key, as people may write it."""
    more = tuple(PRESENCES) if key == "ports" else ()
    return (key, *(word for word, same in SPELLINGS.items() if same == key), *more)
