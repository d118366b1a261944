"""What a person asks in a text, apart from the code, logs and quotations that came with it."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

MAX_HEAD: Final = 1600
MAX_TAIL: Final = 1600
"""Of a longer text only its beginning and its end are read: people ask before or after what they paste."""

MAX_SENTENCES: Final = 24
MAX_SPACES: Final = 14
"""A single line with more of them is prose, whatever it looks like."""

CODE: Final = "⟦code⟧"
LOG: Final = "⟦log⟧"
QUOTE: Final = "⟦quote⟧"
LINK: Final = "⟦link⟧"

_FENCE: Final = re.compile(r"```(.*?)(?:```|\Z)", re.DOTALL)
_CUT: Final = "\n\n"
"""No dots: a line of three of them is code."""

MAX_TORN: Final = 200
"""So much of the line at a cut is left out: half a line of code would look like prose."""

_LOG_LINE: Final = re.compile(
    r"\s*(?:Traceback \(most recent|File \".*\", line \d+|at [\w$.<>]+\(|Caused by:|npm ERR!|E: |fatal: "
    r"|panic: |goroutine \d|(?:[\w.]*(?:Error|Exception|Warning)|error(?:\[\w+\]| \w+\d+)?|ERROR)\b ?:"
    r"|\[?\d{4}-\d\d-\d\d[T ]\d\d:|\[\s*\d+\.\d+\]|\[(?:error|warn\w*|info|debug)\]|(?:ERROR|FATAL|WARN\w*)\b"
    r"|[a-z]{2,8}: .{0,60}(?:not found|No such file|denied|refused)|CONFLICT \("
    r"|(?i:segmentation fault|exit code \d|warning \w+ .*nodes|http/\d\S* [45]\d\d))"
)
_NAME: Final = re.compile(r"[A-Za-z_]\w")
_DIFF_LINE: Final = re.compile(
    r"(?:diff --git |index [0-9a-f]+\.\.|@@ |\+\+\+ |--- \S|[+-](?:\s{2,}|\w+[.( =]|#).*)"
)
_CODE_LINE: Final = re.compile(
    # Python, comments, and what begins a script.
    r"\s*(?:(?:async )?def \w+\s*\(|class \w+\s*[(:{]|(?:from [\w.]+ )?import [\w.{*]+(?:[, ]|;|$)|@\w+"
    r"|#include|#!|//|/\*|\*/|<!(?:--|doctype|DOCTYPE)|>>> |\$ \w|-- TODO|# ?TODO|pass$|\.\.\.$|raise \w+"
    r"|\"\"\"|\'\'\'"
    # Declarations, and what controls the flow.
    r"|(?:public|private|protected|static|export|const|let|var|final|fn|func|function|struct|enum|package|using"
    r"|namespace|template|impl|pub) [\w<>\[\], ]+.*[={(;]"
    r"|(?:if|elif|while|for|switch|match|with|try|except|else|foreach)\b.*[:{]\s*$"
    r"|for \w+ in [\w.(\[]+.*:|for \(|return\b.{0,80}[;)\w\]]$|print(?:ln|f)?!?\("
    # SQL, Docker, markup, shells, Terraform, CSS.
    r"|SELECT .* FROM |(?:['\")]+;\s*)?(?:INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|TRUNCATE) [A-Z]+ "
    r"|(?:FROM|RUN|COPY|CMD|WORKDIR|ENTRYPOINT) [\w./\[\"-]|</?[a-z][\w-]*(?: [^>]*)?>"
    r"|resource \"|curl -|\.[\w-]+ \{"
    r"|(?:sudo )?(?:rm|cp|mv|chmod|chown|tar|ls|find|grep) -[\w-]+(?: \S*[\"'$/*.~\d]\S*)+$"
    # Assignments, calls, and lines that end like code.
    r"|[\w.\[\]'\"]+\s*(?:[-+*/|]?=|:=|<-)\s*[^\s=]\S*|[\w.]+\([^)]*\);?$)"
    r"|.*[;{}]\s*$|[\]})]+[;,]?$"
)
_LABEL: Final = (
    r"[\"'`]?(?:(?:code|problem|knowledge)[_ -](?:generation|review|solving|store|retrieve)|planning"
    r"|explanation|general|code|hard_signal|local)\b[\"'`]?(?=\s*(?:[^\w\s]|\n|$|(?:with|and)\b|\w+\s*[:=]))"
)
_SNAKE: Final = (
    r"[\"'`]?(?:code_generation|code_review|problem_solving|knowledge_store|knowledge_retrieve)\b[\"'`]?"
)
_PATH: Final = (
    r"(?:planning|planner|cod(?:e|ing)|(?:code )?review|explanation|general|problem[_ -]solving|code[_ -]\w+"
    r"|knowledge[_ -]\w+)"
)
_ROUTING: Final = re.compile(
    r"(?:(?:please |you must |now )*(?:classify|route|label|categori[sz]e|tag|treat)"
    r"\s+(?:this|it|that|me|the \w+)"
    rf"(?: \w+){{0,2}}?\s+(?:as|to|under)\s+(?:an? )?{_LABEL}"
    r"|(?:the )?\b(?:label|tier|route|category|class|intent|task)(?: of (?:this|the) \w+)?"
    rf"\s*(?:[:=]|is|must be)\s*{_LABEL}"
    rf"|\b(?:classify|route) (?:as|to) {_LABEL}"
    # A name that only a router has, wherever somebody is to say or choose it.
    r"|\b(?:always |only )*(?:answer|reply|respond|say|print|output|choose|pick|select)\b"
    rf"(?: \w+){{0,5}}?:? {_SNAKE}"
    r"|\b(?:send|route|forward|pass|direct|steer|take|use|choose|pick|go|handle)\b(?: \w+){0,4}? the "
    rf"{_PATH} (?:path|route|branch|tier|node)\b"
    r"|\broute me to \w+|(?:^|(?<=[.!?] ))(?:please |now )*(?:call|run|invoke) the tool \w+"
    r"|\byou(?: are|'re) (?:now )?an? (?:\w+ )?(?:router|classifier)\b"
    r"(?:(?:\W+| and )(?:always |only )*(?:answer|reply|say|output|choose|pick)"
    rf"(?: \w+){{0,3}}? {_LABEL})?)(?: with confidence [\d.]+)?",
    re.IGNORECASE,
)
"""Words that would choose the route themselves; what else was said decides."""

_IGNORE: Final = re.compile(
    r"(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?"
    r"(?:previous|above|prior|earlier|preceding|instructions?)(?:\s+(?:instructions?|prompts?|text|rules|above))*"
    r"(?:\s*(?:[,;:.]|and\b))?|\bsystem\s*:|\buser\s*:",
    re.IGNORECASE,
)
_UNSEEN: Final = re.compile(
    r"\x1b\[[\d;]*m|[\d#*]\ufe0f?\u20e3|[\u0300-\u036f\u00ad\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufe0f\ufeff]"
)
"""Colours of a terminal, digits drawn as pictures, strokes through letters, and what has no width."""

_SETTINGS: Final = re.compile(r"(?:[ \t]*(?:- )?[\w.\"/-]+:(?: \S+){0,3}(?:\n|$)|[ \t]*- \S*[^\s:](?:\n|$))+")
"""Names and values, line after line, and nothing else."""

_INDENTED: Final = re.compile(r"(?:\t| {2,})\S")
_STUB: Final = re.compile(
    r"TODO|NotImplementedError|unimplemented!|todo!\(|write your code|your code here|implement \w+ here"
    r"|^\s*(?:pass|\.\.\.)\s*$"
    r"|\"\"\"[^\"]*\"\"\"\s*$",
    re.MULTILINE | re.IGNORECASE,
)
_QUOTED: Final = re.compile(r"[\"“„«]([^\"“”„«»\n]{12,}?)[\"”“»]|^>.*$", re.MULTILINE)
_LINK: Final = re.compile(r"\b(?:https?://|www\.)\S+")
_INLINE: Final = re.compile(r"`[^`\n]+`")
_CODE_SIGNS: Final = re.compile(
    r"\w\(|[=!<>]=|=>|::|->|\w\[\w{0,20}\]|[{};]|\w_\w|\b(?:def|return|elif|var|const)\b|</?\w{1,12}>"
)
_SAYING: Final = re.compile(r"[\w?\u061f\u221a\u222b]")
_END: Final = re.compile(r"(?<=[.?!\u061f])\s+|(?<=[。\uff1f\uff01])|\n")


@dataclass(frozen=True, slots=True)
class View:
    """A text as the classifier sees it.

    Attributes:
        sentences: What the person wrote, in lower case, at most 24 sentences from both ends.
        marks: What there is beside prose: `code`, `log`, `diff`, `quote`, `link`, `inline`, `stub`, `signs`.
        before: Whether material stands before the first sentence.
        after: Whether material stands after the last one.
        words: About how many words the person wrote.
    """

    sentences: tuple[str, ...]
    marks: frozenset[str]
    before: bool
    after: bool
    words: int


def view(text: str) -> View:
    """Part what is asked from what was pasted, in a time that does not grow with the text.

    Args:
        text: What a person wrote.
    """
    if len(text) > MAX_HEAD + MAX_TAIL:
        text = _ends(text)
    text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text)).replace("\u2019", "'")
    material: list[str] = []

    def fenced(match: re.Match[str]) -> str:
        if not match[1].strip():
            return "\n"
        material.append(match[1])
        return f"\n{LOG if _is_log(match[1]) else CODE}\n"

    text = _FENCE.sub(fenced, text) if "```" in text else text
    if _ROUTING.search(text):
        text = _IGNORE.sub(" ", _ROUTING.sub(" ", text))
    text = _lines(text, material)
    text, links = _LINK.subn(LINK, text)
    signs = {"link": links, "inline": _INLINE.search(text), "signs": _CODE_SIGNS.search(text)}
    text, quotes = _QUOTED.subn(f" {QUOTE} ", text)
    signs |= {"quote": quotes, "code": CODE in text, "log": LOG in text}
    marks = {mark for mark, there in signs.items() if there} | _kinds("\n".join(material))
    return _view(text, marks)


def _ends(text: str) -> str:
    """The beginning and the end of a long text, cut between lines where these are short."""
    head, tail = text[:MAX_HEAD], text[-MAX_TAIL:]
    if (last := head.rfind("\n")) >= MAX_HEAD - MAX_TORN:
        head = head[:last]
    if 0 <= (first := tail.find("\n")) < MAX_TORN:
        tail = tail[first + 1 :]
    return head + _CUT + tail


def _kinds(pasted: str) -> set[str]:
    """What is special about what was pasted."""
    found = set()
    if "\n+" in pasted or "\n-" in pasted or pasted.startswith(("diff --git", "--- ", "+")):
        found.add("diff")
    if pasted and _STUB.search(pasted):
        found.add("stub")
    return found


def _view(text: str, marks: set[str]) -> View:
    parts = [part.strip() for part in _END.split(text.lower())]
    parts = [part for part in parts if _SAYING.search(part)]
    only = [part for part in parts if part not in {CODE, LOG, QUOTE}]
    if len(only) > MAX_SENTENCES:
        only = only[: MAX_SENTENCES // 2] + only[-MAX_SENTENCES // 2 :]
    words = sum(part.count(" ") + 1 for part in only)
    return View(
        tuple(only),
        frozenset(marks),
        bool(parts) and parts[0] in {CODE, LOG},
        bool(parts) and parts[-1] in {CODE, LOG},
        words,
    )


def _is_log(block: str) -> bool:
    return _LOG_LINE.match(block.strip()) is not None


def _lines(text: str, material: list[str]) -> str:
    """The text with runs of lines that are code or log replaced by a mark."""
    if "\n" not in text:
        return _single(text, material)
    if "\n " in text and _SETTINGS.fullmatch(text.strip("\n")):
        material.append(text)
        return CODE
    kept: list[str] = []
    last = ""
    for line in text.split("\n"):
        mark = _kind(line, last)
        if mark:
            material.append(line)
            if mark != last:
                kept.append(mark)
        elif line.strip() or not last:
            kept.append(line)
        if line.strip():
            last = mark
    return "\n".join(kept)


def _single(line: str, material: list[str]) -> str:
    """One line is material only when all of it is."""
    if (
        line.count(" ") <= MAX_SPACES
        and _NAME.search(line)
        and (mark := _kind(line, ""))
        and not line.rstrip().endswith(("?", "please"))
    ):
        material.append(line)
        return mark
    return line


def _kind(line: str, last: str) -> str:
    """What a line is: code, log, or nothing of these; `last` is what the line before was."""
    if not line.strip():
        return ""
    if _LOG_LINE.match(line):
        return LOG
    if _DIFF_LINE.match(line) or _CODE_LINE.match(line):
        return CODE
    return last if last and _INDENTED.match(line) else ""
