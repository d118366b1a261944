"""What is said to be remembered, asked for and forgotten, by whole sentences alone: no guesses."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from memory.records import MAX_TEXT_CHARS
from nodes.wishes import CODE, MAKE_CODE, asks_after, unquoted, wants_more

MAX_QUESTION_CHARS: Final = 1000

MAX_STATEMENT_WORDS: Final = 24
"""A statement such as «my birthday is July 25» has no more; what is longer is no plain fact."""

_KEEP = re.compile(
    r"^(?:(?:please|also|and|ok(?:ay)?|hey|hi|actually)\W+)*(?P<please>(?:can|could|would|will)\s+you\s+)?"
    r"(?:i(?:\s+(?:want|need)|\s+would\s+like|['\u2019]d\s+like)\s+you\s+to\s+)?(?:please\s+)?"
    r"(?:remember|memori[sz]e|note(?:\s+down)?|make\s+a\s+note|keep\s+in\s+mind|bear\s+in\s+mind"
    r"|do(?:n['\u2019]?|\s+no)t\s+forget)"
    r"(?:\s*[:,]\s*|\s+(?:for\s+later\s*[:,]?\s+)?)(?P<that>that\s+|this\s*[:,]\s*|:\s*)?(?P<what>(?=.*\w).+)$",
    re.IGNORECASE | re.DOTALL,
)
_MINE = re.compile(
    r"^(?:(?:well|ok(?:ay)?|hi|hey|hello|by the way|btw|fyi|actually|no|sorry|wait|correction)\W+)*"
    r"(?P<subject>(?:my|our)(?:\s+[\w'\u2019.-]+){1,4}?)\s+(?:is|are|was|were)\s+(?P<value>[^?]+)$",
    re.IGNORECASE,
)
_FORGET = re.compile(
    r"^(?:please\s+)?(?:can\s+you\s+|could\s+you\s+)?(?:please\s+)?(?:forget|unlearn)\s+(?:"
    r"(?:that\s+)?(?P<fact>(?:my|our)(?:\s+[\w'\u2019.-]+){1,4}?)(?:\s+(?:is|are|was|were)\s+.+)?"
    r"|(?:everything|all|anything)(?:\s+(?:that\s+)?(?:you\s+know|i\s+(?:said|told\s+you)))?\s+about\s+(?P<all>.+)"
    r"|what\s+(?:i|you)\s+(?:\w+\s+){0,3}?about\s+(?P<about>.+)"
    r"|(?P<everything>everything|all)(?:\s+(?:that\s+)?(?:you\s+know|i\s+(?:said|told\s+you)))?(?:\s+about\s+me)?"
    r")\W*$",
    re.IGNORECASE | re.DOTALL,
)
_QUESTIONS = tuple(
    re.compile(rf"^(?:(?:hi|hey|hello|please|so|ok(?:ay)?|and)\W+)*{rule}\s*[?.!]*$", re.IGNORECASE)
    for rule in (
        r"(?:when|where|what|who|which)(?:['\u2019]s|\s+(?:is|are|was|were))\s+(?:my|our)(?P<subject>(?:\s+[\w'\u2019.-]+){1,5})",
        (
            r"what(?:['\u2019]s|\s+(?:is|are|was|were))\s+the\s+(?:[\w-]+\s+)?(?:names?|birthday|age|address|e-?mail|number|date"
            r"|colou?r|breed|brand|title|password|job)\s+of\s+(?:my|our)(?P<subject>(?:\s+[\w'\u2019.-]+){1,5})"
        ),
        r"how\s+old\s+(?:am\s+i|(?:is|are)\s+(?:my|our)(?:\s+[\w'\u2019.-]+){1,3})",
        r"(?:who\s+am\s+i|where\s+do\s+i\s+(?:live|work)|what(?:['\u2019]s|\s+is)\s+my\s+name)",
        r"(?:so\s+)?what\s+do\s+(?:you|we)\s+(?:know|remember)\s+(?:of|about)\s+.{1,200}",
        r"(?:do|can)\s+you\s+(?:still\s+)?(?:remember|recall)\s+(?!how\s+to\b).{1,200}",
        r"do\s+you\s+know\s+(?:my|when\s+my|where\s+my|what\s+my|who\s+my)\s+.{1,100}",
        r"what\s+did\s+i\s+(?:say|tell\s+you)\s+about\s+.{1,200}",
        r"(?:did|have)\s+i\s+(?:ever\s+)?(?:tell|told|mention\w*)\s+(?:you\s+)?(?:about\s+)?.{1,200}",
    )
)
_OF_US = re.compile(r"\b(?:my|mine|our|ours|i|we|me|us)\b", re.IGNORECASE)
_PLAIN_QUESTION = re.compile(
    r"^\W*(?:(?:hi|hey|hello|please|so|ok(?:ay)?|and|again)\W+)*(?:when|where|what|who|whose|which|how\s+(?:old|many|much)"
    r"|do|does|did|is|are|was|were|am|have|has)\b.*\?\W*$",
    re.IGNORECASE | re.DOTALL,
)
_KNOWS = re.compile(
    r"^(?:(?:hi|hey|hello|please|so|ok(?:ay)?|and)\W+)*(?:what\s+do\s+(?:you|we)\s+(?:know|remember)\s+(?:of|about)"
    r"|(?:do|can)\s+you\s+(?:still\s+)?(?:remember|recall)\s+(?!how\s+to\b))",
    re.IGNORECASE,
)
"""Asked of what is known in general as much as of what was told: «what do you know about volcanoes?»"""

_AT_LENGTH = re.compile(
    r"\b(?:to|as|if|when|going|allowed|supposed|chances?|odds|rights|purpose)\b", re.IGNORECASE
)
"""Words of a subject that go beyond a name: «my chances of winning», «our rights as tenants»."""

_RECALLS = re.compile(r"\b(?:remember|recall)\b", re.IGNORECASE)
_COUNSEL = re.compile(
    r"\b(?:should|shall|ought|could|would|going\s+to|best|better|enough|recommend|think|mean|if|doing|wrong)\b"
    r"|^\W*(?:is|are|was|were|am|do|does|did|have|has)\b.*\b(?:good|bad|right|ok(?:ay)?|sane|safe|correct|fine|true"
    r"|works?|working|possible|realistic|feasible|reasonable|sensible)\b",
    re.IGNORECASE | re.DOTALL,
)
_WORK = re.compile(
    r"\b(?:code|functions?|class(?:es)?|methods?|modules?|scripts?|programs?|tests?|bugs?|errors?|exceptions?"
    r"|traceback|output|input|query|queries|regex|loops?|lists?|variables?|imports?|build|compiler|implementation"
    r"|solution|problems?|mistakes?|options?|best|worst|goal|question|request|task|plan)\b",
    re.IGNORECASE,
)
"""Words of a subject that is the work at hand and nothing to be told about."""

_ASKING = re.compile(
    r"\?|\b(?:please|help|fix|why|how|should i|can you|could you|what do|what should|write|explain)\b",
    re.IGNORECASE,
)
_ABOUT_THE_WORK = re.compile(
    r"^(?:it|this|they|these|the\s+(?:function|class|code|method|module|script|program|input|output|result|list"
    r"|string|number|argument|parameter|solution|tests?)s?)\b",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"^(?:(?:hi|hey|hello|please|so|ok(?:ay)?|and)\W+)*(?:what\s+do\s+(?:you|we)\s+(?:know|remember)\s+(?:of|about)"
    r"|(?:do|can)\s+you\s+(?:still\s+)?(?:remember|recall|know)|what\s+did\s+i\s+(?:say|tell\s+you)\s+about"
    r"|(?:did|have)\s+i\s+(?:ever\s+)?(?:tell|told|mention\w*)\s+(?:you\s+)?(?:about)?)\s+",
    re.IGNORECASE,
)
_TOLD_POLITELY = re.compile(
    r"(?:i|i['\u2019]m|we|my|our)\b(?!\s+(?:told|said|mentioned|asked|wrote|gave)\b)", re.IGNORECASE
)
"""After «can you remember that»: «I like tea», and not «I told you about it»."""

_SUBJECT = re.compile(
    r"^(?P<subject>[^.,;:!?\n]{1,80}?)\s+(?P<verb>is|are|was|were)\s+(?P<called>(?:called|named)\s+)?(?P<value>\S+)",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?:not|no|never|neither)\b", re.IGNORECASE)
_ONE_VALUED = re.compile(r"^(?:(?:my|our|the)\s+\w|\w.*['\u2019]s\s+\w|\w.*\s+of\s+\w)", re.IGNORECASE)
"""Subjects on which one thing holds at a time. «Ana is a doctor» must not replace «Ana is vegan»."""

_BEING = re.compile(
    r"\b(?:wife|husband|partner|girlfriend|boyfriend|mother|father|mum|mom|dad|parents?|son|daughter|kids?|child|children"
    r"|brothers?|sisters?|uncle|aunt|cousins?|friends?|boss|manager|colleagues?|neighbou?rs?|teams?|company|dogs?|cats?"
    r"|pets?|cars?|house|flat|bike|laptop|computer|phone|server)$",
    re.IGNORECASE,
)
"""Of these many things may be said side by side, unless it is who or what they are."""

_CALENDAR = re.compile(
    r"^(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)s?$",
    re.IGNORECASE,
)
_DETERMINER = re.compile(r"^(?:(?:that|the|a|an)\s+)+", re.IGNORECASE)
_NAME = re.compile(r"\b(?!I\b)[A-ZÄÖÜ][\w'\u2019-]+(?:\s+[A-ZÄÖÜ][\w'\u2019-]+)*")

MAX_SUBJECT_WORDS: Final = 8

_FEWEST_WORDS: Final = 4
_SENTENCE_END = re.compile(r"[.?!](?=\s|$)|[\u3002\uff1f\uff01\u061f]")
_UNTOLD = re.compile(
    r"\bforget\b(?! to\b)|\b(?:don['\u2019]?t|do\s+not|never|not\s+to|no\s+need\s+to)\s+(?:\w+\s+)?"
    rf"(?:remember|memori[sz]e|store|save|note|keep)\b|^\s*(?:>|'.*'\W*$)|{MAKE_CODE}",
    re.IGNORECASE,
)
"""Words of a text that tells nothing, whatever a classifier takes it for."""

_SEVERAL = re.compile(r"\band\s+(?:my|our)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the user wants remembered or forgotten.

    Attributes:
        act: Which of them; `forget_all` when nothing narrows it down.
        text: What, in the user's words.
        subject: What it is about, such as `my birthday`; empty where no rule finds one.
        entities: Names in it.
    """

    act: Literal["remember", "forget", "forget_all"]
    text: str
    subject: str = ""
    entities: tuple[str, ...] = ()


def told(text: str, *, at_work: bool = False) -> Told | None:
    """What a request tells to remember or to forget; None when it is something else.

    Args:
        text: The request.
        at_work: Whether code was written before, to which «don't forget to …» would belong.
    """
    text = text.strip()
    if len(text) > MAX_TEXT_CHARS:
        return None
    if match := _FORGET.match(text):
        about = match["fact"] or match["all"] or match["about"]
        if about and wants_more(about):
            return None
        if match["everything"] or not about or about.lower().rstrip(".!? ") == "me":
            return Told("forget_all", text)
        return Told("forget", _bare(about), _bare(about))
    if match := _KEEP.match(text):
        what = match["what"].strip()
        is_told = not what.endswith("?") or (match["please"] and match["that"] and _TOLD_POLITELY.match(what))
        is_for_now = _ABOUT_THE_WORK.match(what) or (at_work and re.match(r"to\b", what, re.IGNORECASE))
        if is_told and (match["that"] or _tells(what)) and not is_for_now and not wants_more(what):
            return fact(what.rstrip("? "))
    return fact(text[start:]) if (start := _statement_at(text)) is not None else None


def asks(text: str) -> bool:
    """Whether a request asks for what was told, and for nothing that could as well be asked of anybody."""
    text = " ".join(text[:MAX_QUESTION_CHARS].split())
    for rule in _QUESTIONS:
        if match := rule.match(text):
            return not (_is_open(text) or _WORK.search(match.groupdict().get("subject") or ""))
    return False


def _is_open(text: str) -> bool:
    """Whether anybody may be asked so, not only who was told."""
    if _KNOWS.match(text):
        return not _OF_US.search(asked_about(text))
    return any(
        _AT_LENGTH.search(match["subject"])
        for rule in _QUESTIONS
        if (match := rule.match(text)) and match.groupdict().get("subject")
    )


def may_be_answered(text: str) -> bool:
    """Whether a stored fact may be the answer to a text: a question about the asker, or about what is known.

    What asks for counsel or judgement is none, though a fact may hold all its other words.

    Args:
        text: The request.
    """
    if _KNOWS.match(" ".join(text[:MAX_QUESTION_CHARS].split())):
        return True
    is_about_us = _PLAIN_QUESTION.match(text) is not None and _OF_US.search(text) is not None
    return is_about_us and not _COUNSEL.search(text)


def may_tell(text: str) -> bool:
    """Whether nothing but telling is in a text that was taken for it: no question, no code, no request."""
    match = _KEEP.match(text)
    in_english = match["what"] if match else text if _MINE.match(text) else ""
    if wants_more(in_english) or asks_after(text):
        return False
    said = unquoted(text)
    says_something = len(said.split()) >= _FEWEST_WORDS or any(
        one.isalpha() and not one.isascii() for one in said
    )
    return says_something and "?" not in text and len(text) <= MAX_TEXT_CHARS and not _UNTOLD.search(text)


def may_ask(text: str) -> bool:
    """Whether a text that somebody took for a question about what was told is not about the work at hand."""
    is_one = len(text) <= MAX_QUESTION_CHARS and len(_SENTENCE_END.findall(text.strip())) <= 1
    return is_one and not (
        CODE.search(text)
        or _WORK.search(text)
        or (_is_open(" ".join(text.split())) and not _RECALLS.search(text))
    )


def asked_about(text: str) -> str:
    """What a question is about, without the words by which memory is asked at all."""
    text = " ".join(text.split())
    return _ASKED.sub("", text) or text


def fact(text: str) -> Told:
    """A statement with its subject and the names in it."""
    text = text.strip()
    if not re.search(r"[.!]\s", text):
        text = text.rstrip(".! ") or text
    first = text.split(maxsplit=1)[0].lower() if text else ""
    names = [name for name in _NAME.findall(text) if name.lower() not in {first, "my", "our"}]
    names = [name for name in names if not _CALENDAR.match(name)]
    return Told("remember", text, _subject(text), tuple(dict.fromkeys(names))[:16])


def _subject(text: str) -> str:
    """What a statement is about, where only one thing can hold on it; else nothing."""
    match = _SUBJECT.match(text)
    # What was, or is not, takes no place: what holds may be something else.
    if match is None or match["verb"].lower() in ("was", "were") or _DENIED.match(match["value"]):
        return ""
    if not _ONE_VALUED.match(match["subject"]) or _SEVERAL.search(text):
        return ""
    subject = _DETERMINER.sub("", match["subject"]).strip()
    if match["called"]:
        subject += "'s name"
    elif _BEING.search(subject) and not (match["value"][0].isupper() or match["value"][0].isdigit()):
        return ""
    return subject if len(subject.split()) <= MAX_SUBJECT_WORDS else ""


def _bare(text: str) -> str:
    """A subject without what ends a sentence."""
    return _DETERMINER.sub("", text.strip().rstrip(".!? ")).strip()


def _tells(what: str) -> bool:
    """Whether what follows a bare «remember» is something to be kept."""
    return bool(re.match(r"(?:my|our|i|i['\u2019]m|we|to)\b", what, re.IGNORECASE)) or bool(
        _SUBJECT.match(what)
    )


def _statement_at(text: str) -> int | None:
    """Where «my X is Y» begins in a request that is nothing else; None where it is something else."""
    match = _MINE.match(text)
    if match is None or len(text.split()) > MAX_STATEMENT_WORDS or "\n" in text.strip():
        return None
    is_other = _WORK.search(match["subject"]) or _ASKING.search(text) or wants_more(text)
    return None if is_other else match.start("subject")
