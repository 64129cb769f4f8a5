"""A baseline as it stood in a git revision, with what it includes; and where its lines stand.

The files of the revision are laid out in a folder that is gone afterwards, and read there like any
other baseline: the same rules, the same faults, named as git names them (`main:baseline.yaml:3:5`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from os.path import normpath
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from portproof.documents.baseline import load_baseline
from portproof.documents.baseline_files import MOST_FILES
from portproof.documents.git_repository import Repository
from portproof.documents.text import LARGEST, read_text
from portproof.documents.tree import Mapping, Node, Scalar, Sequence, parse_tree
from portproof.errors import ApprovalError, DocumentError, Fault, SettingsError
from portproof.model.baseline import Baseline, SourceLocation
from portproof.model.change_plan import Place
from portproof.model.vantage import Vantages

_INCLUDE: Final = "include"


def load_base(
    named: str, path: Path, *, vantages: Vantages | None, environment: str | None = None
) -> tuple[Baseline, str]:
    """Read the baseline that a change starts from; gives it and how it is called.

    `named` is a file, or else a git revision, in which the file at `path` is meant. The zones of a
    revision are not checked: vantages are declared in another file, of today.

    Raises:
        SettingsError: it is neither a file nor a revision of the repository around `path`.
        DocumentError: with every fault of it.
    """
    if Path(named).is_file():
        held = load_baseline(Path(named), vantages=vantages, environment=environment)
        return held, named
    try:
        repository = Repository(path.parent)
        commit, inside = repository.resolve(named), repository.inside(path)
    except ApprovalError as failure:
        raise SettingsError(f"--base {named}: is no file, and no git revision: {failure}") from None
    called = f"{named}:{inside}"
    with TemporaryDirectory(prefix="portproof-") as folder:
        root = Path(folder).resolve()
        _lay_out(repository, commit, inside, root)
        if not (root / inside).is_file():
            raise SettingsError(f"--base {named}: the revision has no file {inside}")
        try:
            return load_baseline(root / inside, vantages=None, environment=environment), called
        except DocumentError as error:
            raise DocumentError([_renamed(each, root, named) for each in error.faults]) from None


def _lay_out(repository: Repository, commit: str, first: str, root: Path) -> None:
    """Write the file and what it includes below a folder; what is not there is left out.

    Reading the result says what is missing or wrong; here are only bounds.
    """
    waiting, done, room = [first], {first}, LARGEST + 1
    while waiting and len(done) <= MOST_FILES + 1:
        inside = waiting.pop()
        content = _content(repository, commit, inside, room)
        if content is None:
            continue
        room -= len(content)
        target = root / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        for each in _included(target):
            name = normpath(PurePosixPath(inside).parent / each)
            # Outside the repository nothing is written: reading refuses such a name.
            if not name.startswith(("..", "/")) and name not in done:
                done.add(name)
                waiting.append(name)


def _content(repository: Repository, commit: str, inside: str, room: int) -> bytes | None:
    found = repository.blob(commit, inside)
    if found is None:
        return None
    blob, size = found
    if size > room:
        largest = LARGEST // 1024 // 1024
        problem = f"makes the baseline larger than {largest} MiB; is it the right file?"
        raise DocumentError([Fault(inside, 0, 0, problem)])
    return repository.content(blob)


def _included(path: Path) -> Iterator[str]:
    try:
        root, _ = parse_tree(read_text(path))
    except DocumentError:
        return  # reading the baseline will say it, with its place
    if isinstance(root, Mapping):
        yield from _texts(root.pairs.get(_INCLUDE))


def _texts(node: Node | None) -> Iterator[str]:
    match node:
        case Scalar():
            yield node.text
        case Sequence():
            yield from (each.text for each in node.items if isinstance(each, Scalar))
        case Mapping() | None:
            return


def _renamed(fault: Fault, root: Path, revision: str) -> Fault:
    file = Path(fault.file)
    if not file.is_relative_to(root):
        return fault
    inside = file.relative_to(root).as_posix()
    return Fault(f"{revision}:{inside}", fault.line, fault.column, fault.problem)


# ---------------------------------------------------------------- where lines stand


def anchors(path: Path) -> Callable[[SourceLocation | None], Place]:
    """Give what finds a line's place for code-scanning views, relative to the repository's root.

    A path that such a view cannot have (absolute, or with `..`) makes it refuse the whole file, and
    so does a result without a place: what lies outside the root, or is nowhere (None), is placed in
    the first line of the baseline. Outside a repository, the root is the working folder if the
    baseline lies below it, else its own folder.
    """
    root = _root(path)
    fallback = Place(file=path.resolve().relative_to(root).as_posix(), line=1, column=1)

    def place(location: SourceLocation | None) -> Place:
        if location is None:
            return fallback
        file = Path(location.file).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            return fallback
        inside = file.relative_to(root).as_posix()
        return Place(file=inside, line=max(1, location.line), column=max(1, location.column))

    return place


def _root(path: Path) -> Path:
    real = path.resolve()
    try:
        candidates = [Repository(real.parent).top.resolve(), Path.cwd()]
    except ApprovalError:
        candidates = [Path.cwd()]
    return next((each for each in candidates if real.is_relative_to(each)), real.parent)
