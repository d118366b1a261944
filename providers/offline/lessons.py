"""What the offline model learns from a turn: what the user said of their own wishes, and no more."""

import json
import re
from typing import Final

from providers.offline.replies import Draft

_MOST: Final = 5
_LONGEST: Final = 200
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_WISH = re.compile(
    r"^(?:and |but |also |please )*(?:"
    r"i (?:always |never |really )?(?:prefer|like|want|use|need|work|am|avoid)\b|"
    r"(?:we|our|my) (?:always |never |team |project |code )*(?:uses?|prefers?|avoid|is|are|runs?)\b|"
    r"always\b|never\b|don't\b|do not\b|from now on\b|prefer\b|avoid\b)",
    re.IGNORECASE,
)


def lesson(turn: str) -> Draft:
    """Say what a finished turn taught.

    Args:
        turn: JSON with `request`, `task` and `proof`.

    Returns:
        JSON with `insights` and `patterns`: the user's own sentences about what they want, and that a request
        was not solved where running the code showed it. What does not stand in the turn is never said.
    """
    try:
        given = json.loads(turn)
        request, proof = str(given["request"]), given.get("proof")
    except (ValueError, TypeError, KeyError):
        given, request, proof = {}, "", None
    insights = [{"text": f"The user said: {wish}", "confidence": 0.6} for wish in _wishes(request)]
    patterns = []
    if proof == "failed":
        patterns.append(
            {"text": f"Code for this request failed its checks; try it another way: {_short(request)}"}
        )
    return Draft(json.dumps({"insights": insights, "patterns": patterns}, ensure_ascii=False))


def _wishes(request: str) -> list[str]:
    sentences = (" ".join(part.split()) for part in _SENTENCE.split(request))
    return [one for one in sentences if len(one) <= _LONGEST and _WISH.match(one)][:_MOST]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
