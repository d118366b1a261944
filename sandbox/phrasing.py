"""The words and signs by which an example in a request is known, and those that make it something else."""

import re

_DEMAND = (
    r"(?:add|include|use|(?:should|must)\s+(?:also\s+)?(?:add|pass|use|support|handle|accept|include))\b"
)
"""What a request goes on with that says nothing more of the call's outcome."""

CALL = re.compile(r"(?<![\w.'\"])(?P<name>[A-Za-z_]\w*)\(")
OPERATOR_BEFORE = re.compile(r"(?:[-+*/%=<>&|^@~!]|\b(?:def|await|lambda|yield))\s*$")
BULLET = re.compile(r"^\s*(?:(?:[-*+>•]|\d+[.)])\s+)*")
SHOULD = r"(?:should|must|shall|has to|needs to|is expected to|is supposed to)\s+"
SHOULD_RETURN = re.compile(rf"{SHOULD}return\b", re.IGNORECASE)
OUTCOME = re.compile(
    rf"`*\s*(?:#\s*)?(?:(?P<equal>==)|(?P<arrow>-+>|=>|→|⇒|⟶|↦)"
    rf"|(?P<wish>{SHOULD}(?:be|equal|give|return|produce|evaluate to)\b)"
    rf"|(?P<claim>returns|gives|equals|produces|evaluates to)\b)\s*:?\s*`*\s*",
    re.IGNORECASE,
)
NUMBER = re.compile(r"[-+]?(?:\d+\.\d+|\.\d+|\d+)(?:[eE][-+]?\d+)?(?![\w%])")
WORD = re.compile(r"(?:True|False|None)\b")
STRING = re.compile(r"[bB]?(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")")
QUOTED = re.compile(rf"(?<!\w)(?:{STRING.pattern})")
END = re.compile(
    r"\s*`*(?:\s*$|[.;!](?=\s|$|[)\]])|\)(?=[\s.,;!]|$)|\s*#"
    r"|,?\s+(?:and\s+)?`*[A-Za-z_]\w*\(|,\s+(?:because|since|as|so)\b|\](?=[\s.,;!]|$)"
    rf"|,?\s+(?:and\s+)?(?:please|also|(?:it\s+)?{_DEMAND})\b|,?\s+(?:and|with)\s+(?:full\s+)?types?\b)"
)
TURNED = re.compile(
    r"\b(?:not|no|never|wrong\w*|incorrect\w*|instead|bugg?y?|fail\w*|broken|currently|actual(?:ly)?|unlike|if|elif"
    r"|else|when|whenever|while|until|unless|whether|suppose|assum\w*|was|were|used to|rather|but|might|may"
    r"|could|would|or|either|maybe|perhaps|roughly|approx\w*|about|around|similar\w*|previous\w*|before|old|got|gets"
    r"|return|today|sometimes|often|modulo|mod|up to|except|other than|raises?|print\w*|given that|await)\b"
    r"|n't|n\u2019t|≠|!=|≈|~|\?",
    re.IGNORECASE,
)
"""What makes a line say something else than that this call has this outcome."""
MENDING = re.compile(
    r"\b(?:fix\w*|bugs?|buggy|wrong\w*|broken|incorrect\w*|debug\w*|repair\w*|fail\w*|instead of|currently"
    r"|actual(?:ly)?|should have|expected|got|mistake\w*|problem with|issues?|review|explain|why)\b|n't work"
    rf"|\)`*\s*(?:gives|returns|==|-+>|→)[^.\n]*[.;,]\s*(?:it|this|that)\s+(?!{_DEMAND})(?:should|must)\b",
    re.IGNORECASE,
)
"""Words of a request about code that does the wrong thing, whose examples may show just that."""
UNLIKE_A_CALL = re.compile(
    r"\b(?:class(?:es)?|methods?|async\w*|await\w*|coroutines?|generators?|iterators?|yields?|lazy|lazily"
    r"|decorators?|closures?|curr(?:y|ied|ying))\b",
    re.IGNORECASE,
)
"""Words of a request whose calls give something else than their outcome, or need an object."""
NAMED = (
    re.compile(
        r"\b(?:functions?|func|def|called|named|implement|write|create|define|complete)\s+`*(\w+)",
        re.IGNORECASE,
    ),
    re.compile(r"\b([A-Za-z_]\w*)`*\s+function\b"),
    re.compile(r"(?<![\w.])([A-Za-z_]\w*)\((?:[a-z_]\w*\s*(?::[^,()]*)?(?:=[^,()]*)?,?\s*)+\)"),
)
FENCE = re.compile(r"^[ \t]*(?:`{3,}|~{3,}).*$", re.MULTILINE)
CLOSING = re.compile(r"^[ \t]*(?:\"\"\"|'''|`{3,}|~{3,}).*$", re.MULTILINE)
CODE = re.compile(r"\s*(?:def|class|import|from|return|for|while|with|try|@)\b")
ASSERT = re.compile(r"`?(assert\s.*?)`?\s*$")
