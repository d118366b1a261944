"""What needs no guess: messages of nothing but material, and words that always mean the same."""

import re
from typing import Final

from routing.labels import Label
from routing.view import View

_LETTER: Final = re.compile(r"[^\W_]")

_KEEP: Final = re.compile(
    r"(?:please |pls |hey,? |ok,? |also,? |and |(?:can|could) you )*(?:please )?"
    r"(?:remember|memori[sz]e|note|keep in mind|bear in mind|make a note|do(?:n't|nt| not) forget) that "
    r"(?:i|i'm|i've|my|we|we're|we've|our)\b(?! (?:told|said|mentioned|asked|wrote|gave))"
)
"""«Remember that» with something about the asker; what follows must not be another request."""

_MORE: Final = re.compile(
    r"[,;:\-\u2013]\s*(?:and |so |now |then |but |please )*"
    r"(?:write|create|make|build|implement|explain|plan|give|show|fix|add|solve|calculate|review|tell|help|use|do"
    r"|can|could|how|what|why)\b"
    r"|\b(?:told|said|mentioned)\b"
)


def hard_signal(seen: View, *, has_code: bool = False, has_diff: bool = False) -> Label | None:
    """The label where a rule is certain, else nothing.

    Args:
        seen: The text, with what was pasted told apart.
        has_code: Whether files of code came with it.
        has_diff: Whether a diff came with it.
    """
    words = " ".join(seen.sentences)
    if not _LETTER.search(words.replace("⟦code⟧", "").replace("⟦log⟧", "")):
        return _material(seen, has_code=has_code or has_diff, words=words)
    if has_code or has_diff or seen.marks & {"code", "log", "diff"}:
        return None
    if len(seen.sentences) == 1 and _KEEP.match(words) and not _MORE.search(words):
        return "knowledge_store"
    return None


def _material(seen: View, *, has_code: bool, words: str) -> Label | None:
    """What is wanted by one who only pastes."""
    if "stub" in seen.marks:
        return "code_generation"
    if "code" in seen.marks or has_code:
        return "code_review" if "?" not in words else None
    if "log" in seen.marks:
        return "problem_solving"
    return None if re.search(r"[\d√∫^=]", words) else "general"
