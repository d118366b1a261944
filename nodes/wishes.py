"""What stands beside a statement and wants something done now, as in «I use tabs. Now prove that»."""

import re
from typing import Final

from routing.lexicon import lexicon

MAKE_CODE: Final = (
    r"(?:write|create|implement|build|make|fix|refactor|rewrite|generate|code)\s+(?:[\w'\u2019-]+\s+){0,6}?"
    r"(?:functions?|class(?:es)?|methods?|code|scripts?|programs?|modules?|tests?|algorithms?|parsers?|regex(?:es)?"
    r"|loops?|bugs?|decorators?|generators?|api|\w*sort|search)\b"
)
CODE: Final = re.compile(
    r"```|\b(?:async\s+)?def\s+\w+\s*\(|\bclass\s+\w+\s*(?:\([^)\n]*\))?:|\blambda\b[^:\n]{0,80}:"
    r"|\bfor\s+\w+\s+in\s+\S+:|^\s*(?:import\s+\w+|from\s+\w+(?:\.\w+)*\s+import\b)",
    re.IGNORECASE | re.MULTILINE,
)
_AND_THEN = re.compile(
    r"(?:[.;!]|\band|\bthen|\bnow)\s+(?:now\s+|then\s+|please\s+)*(?:write|create|implement|build|make|fix|refactor"
    r"|rewrite|generate|explain|review|plan|calculate|compute|show|tell|give|solve|let['\u2019]?s)\b"
    r"|(?:[,:]|\s[-\u2013\u2014])\s*(?:(?:so|now|then|please|(?:can|could)\s+you)\s+)*"
    rf"(?:{MAKE_CODE}|(?:implement|refactor|rewrite)\b|write\s+[\w-]+(?:\s+in\s+\w+)?\W*$)",
    re.IGNORECASE,
)
_TO_DO_NOW = re.compile(rf"^to\s+(?:please\s+)?{MAKE_CODE}", re.IGNORECASE)
"""«Remember to use tabs» is a wish that stays; «remember to write a function that …» is a request."""

_NEXT = re.compile(
    r"(?<=[.;!?])(?<!Mr\.)(?<!Ms\.)(?<!Mrs\.)(?<!Dr\.)(?<!St\.)(?<!Prof\.)(?<!\.\w\.)\s+|(?<!:)\n|\s+[-\u2013\u2014]\s+"
    r"|(?<!first),\s*(?=(?:and\s+)?(?:now|then|hence|therefore|thus|please)\b)"
    r"|\s+(?=and\s+(?:now|then|please)\b)",
    re.IGNORECASE,
)
"""Where what comes may be no longer a part of the statement: not after «Mr.», nor in lines after a colon."""

_LEADING = re.compile(
    r"^\W*(?:(?:and|but|also|so|now|then|hence|therefore|thus|well|yes|no|please|next|finally|ok(?:ay)?|actually"
    r"|usually|normally|often|sometimes|besides|however|otherwise|today|currently|thanks?|cheers)\b[\s,:]*)+",
    re.IGNORECASE,
)
_STATES = re.compile(
    r"(?:(?:i|we|you|he|she|it|they|that|this|there|here)(?:['\u2019](?:m|re|s|ve|d|ll))?"
    r"|my|our|your|his|her|its|their|these|those|the|an?|both|all|some|each|every|everyone|everybody|nobody|none"
    r"|most|many|one|two|three|in|on|at|by|from|after|before|until|since|during|with|without|if|while|as|because"
    r"|always|never|not|only|don['\u2019]?t|whenever|when(?!\s+(?:is|are|was|were|do|does|did|will|can|should)\b))\b"
    r"|\d|(?!(?:who|what|which|how|where|why|whose)\b)[^\W\d_][\w-]*(?:['\u2019]s\s+\w+)?\s+(?:is|are|was|were|has|had|will|can|must|should|means"
    r"|likes|loves|hates|lives|works|prefers|wants|needs|uses|owns|speaks|eats|drinks|plays|runs|knows)\b",
    re.IGNORECASE,
)
"""How a sentence begins that says something; what begins otherwise is asked or ordered."""

_BEING = re.compile(r"\b(?:is|am|are|was|were)\b|['\u2019](?:s|m|re)\b", re.IGNORECASE)
_ORDER = re.compile(
    r"(?:,|\band\b|\bso\b)\s*(?:(?:and|so|now|then|hence|please)\s+){0,3}"
    r"(?!(?:have|own|love|like|hate|live|work|prefer|use|drive|want|need|speak|eat|drink|play|study|know|run|keep"
    r"|(?:i|we|you|they|he|she|it|not|but|or|and|so|than|as|in|on|at|near|by|with|without|of|for|from|since|until|to"
    r"|into|over|under|between|behind|beside|around|after|before|during|about|via|per|because|while|when|where|which"
    r"|who|whose|if|though|although|unlike|both|all|just|only|even|also|once|half|quite|such|what|then|now))\s)"
    r"(?!\w*(?:s|ed|ing|ly)\s)[a-z]+\s+(?:it|them|this|that|these|those|me|us|the|an?|my|our|some|each|every|how|why"
    r"|what|whether)\b"
)
"""A bare verb with its object, after a comma or an «and»: «…, prove it». Words of oneself are none."""

_QUOTED = re.compile(
    r"\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d|\u00ab[^\u00bb\n]*\u00bb|\u201e[^\u201c\u201d\n]*[\u201c\u201d]|`[^`\n]*`"
)
_QUESTION_MARKS = re.compile(r"[?\u061f\uff1f]")
_ASKING = {
    *("make", "codeverb", "change", "fix", "judge", "explain", "solve", "planverb", "textop", "suggest"),
    *("qwhat", "qwhy", "qhow", "qmany", "qwho", "which"),
}


def unquoted(text: str) -> str:
    """A text with an ellipsis for each quotation: what stands in one is not said to us."""
    return _QUOTED.sub("\u2026", text)


def _spaced(text: str) -> str:
    """A text without blank lines and with single spaces, as long gaps would take the rules long."""
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.splitlines())))


def wants_more(what: str) -> bool:
    """Whether something told in English is code, holds a request beside what it says, or is one.

    Args:
        what: What was told, without the words by which it was.
    """
    what = _spaced(what)
    if CODE.search(what):
        return True
    what = unquoted(what)
    if _AND_THEN.search(what) or _TO_DO_NOW.match(what):
        return True
    first, *others = _NEXT.split(what)
    if (being := _BEING.search(first)) and _ORDER.search(first, being.end()):
        return True
    return any(
        _QUESTION_MARKS.search(one) or not _STATES.match(bare)
        for one in others
        # A single word is no request: «5 Main St. Springfield».
        if len((bare := _LEADING.sub("", one)).split()) > 1
    )


def asks_after(text: str) -> bool:
    """Whether a text in any language is code, or a sentence after its first begins as a request does.

    Args:
        text: The whole request.
    """
    text = _spaced(text)
    if CODE.search(text):
        return True
    text = unquoted(text)
    if _AND_THEN.search(text):
        return True
    _, *others = _NEXT.split(text)
    listed = lexicon()
    return any(
        _ASKING & {*listed.classes(word.group().lower())}
        for one in others
        if (word := re.search(r"[^\W\d_]+", _LEADING.sub("", one)))
    )
