"""A selection as a condition on the table of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, and_, exists, false, func, or_

from memory.sql.rows import BRANCH_CHARS, plain, ticks
from memory.sql.tables import origins, records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from memory.records import Selection

_ID_CHARS: Final = 32
_PREFIX_CHARS: Final = 8
_AFTER_SLASH: Final = chr(ord("/") + 1)


def condition(namespace: str, selection: Selection) -> ColumnElement[bool]:
    """What holds of the records of a namespace that are selected."""
    return and_(records.c.namespace == plain(namespace), *_conditions(selection))


def _conditions(selection: Selection) -> Iterator[ColumnElement[bool]]:
    kept = records.c
    if selection.ids:
        yield _by_id(selection.ids)
    if selection.subject is not None:
        # As `Record` keeps it: one line, capitals or not.
        yield kept.subject == plain(" ".join(selection.subject.split()).casefold())
    if selection.before is not None:
        yield kept.told_at < ticks(selection.before)
    if selection.session is not None:
        yield exists().where(origins.c.record == kept.number, origins.c.session == plain(selection.session))
    if selection.kinds:
        yield kept.kind.in_(selection.kinds)
    if selection.archive is not None:
        yield kept.archive == plain(selection.archive)
    if selection.path is not None:
        yield _in_path(selection.path)
    if selection.is_current is not None:
        yield kept.valid_to.is_(None) if selection.is_current else kept.valid_to.is_not(None)


def _by_id(ids: Sequence[str]) -> ColumnElement[bool]:
    whole = [one.lower() for one in ids if len(one) == _ID_CHARS]
    parts = {one.lower() for one in ids if _PREFIX_CHARS <= len(one) < _ID_CHARS}
    begun = [func.substr(records.c.id, 1, len(one)) == plain(one) for one in sorted(parts)]
    return or_(false(), records.c.id.in_(map(plain, whole)), *begun)


def _in_path(path: str) -> ColumnElement[bool]:
    """A file, or a folder and all in it; first by the range in the index where they must lie."""
    kept, file, folder = records.c, plain(path), plain(f"{path.rstrip('/')}/")
    least, most = min(file, folder.removesuffix("/"))[:BRANCH_CHARS], None
    if len(folder) <= BRANCH_CHARS:
        most = folder.removesuffix("/") + _AFTER_SLASH
    fits = or_(kept.path == file, func.substr(kept.path, 1, len(folder)) == folder)
    return and_(kept.branch >= least, *([kept.branch < most] if most and file < most else []), fits)
