"""A selection as a condition on records, in Cypher: fixed text, with all that is given as parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from memory.neo4j.rows import BRANCH_CHARS, position

if TYPE_CHECKING:
    from memory.records import Selection

_PREFIX_CHARS: Final = 8
_ID_CHARS: Final = 32


def condition(selection: Selection) -> tuple[str, dict[str, Any]]:
    """What holds of the selected records, named r, of the namespace $namespace; and its parameters."""
    parts = ["r.namespace = $namespace"]
    values: dict[str, Any] = {}

    def add(text: str, **given: Any) -> None:  # noqa: ANN401 - whatever Cypher takes
        parts.append(text)
        values.update(given)

    if selection.ids:
        ids = [one.lower() for one in selection.ids]
        # Whole ids alone are looked up in the index at once.
        whole = "r.id IN $ids"
        begun = [one for one in ids if _PREFIX_CHARS <= len(one) < _ID_CHARS]
        text = f"({whole} OR any(one IN $begun WHERE r.id STARTS WITH one))" if begun else whole
        add(text, ids=ids, begun=begun)
    if selection.subject is not None:
        add("r.subject_key = $subject", subject=" ".join(selection.subject.split()).casefold())
    if selection.before is not None:
        add("r.position < $before", before=position(selection.before))
    if selection.session is not None:
        told = "EXISTS {(r)-[:FROM]->(:DuographSession {namespace: $namespace, id: $session})}"
        add(told, session=selection.session)
    if selection.kinds:
        add("r.kind IN $kinds", kinds=list(selection.kinds))
    if selection.archive is not None:
        add("r.archive = $archive", archive=selection.archive)
    if selection.path is not None:
        path = selection.path
        add(
            "r.branch STARTS WITH $branch AND (r.path = $path OR r.path STARTS WITH $folder)",
            branch=min(path, path.rstrip("/"))[:BRANCH_CHARS],
            path=path,
            folder=f"{path.rstrip('/')}/",
        )
    if selection.is_current is not None:
        parts.append(f"r.valid_to IS {'' if selection.is_current else 'NOT '}NULL")
    return " AND ".join(parts), values
