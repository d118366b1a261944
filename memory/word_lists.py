"""English words that say little or stand for others, for `words.py`."""

from typing import Final

_STOP = """
a about above after again against all also am an and any are arent as at be because been before being
below between both but by can cant cannot could couldnt d did didnt do does doesnt doing dont down during
each either else ever every few for from further had hadnt has hasnt have havent having he her here hers
herself him himself his how i id if ill im in into is isnt it its itself ive just let lets ll m may me
might mine more most must my myself no nor not of off ok on once only or other our ours ourselves out
over own per please re s same shall she should shouldnt so some such t than that thats the their theirs
them themselves then there these they theyre this those through to too under until up upon us ve very via
was wasnt we were werent what whats when where which while who whom whose why will with within without
wont would wouldnt yes yet you your youre yours yourself yourselves
"""
STOP: Final = frozenset(_STOP.split())
"""Words that nearly every text holds."""

_FAINT = """
actually add always another anything around ask asked away back become best better big call called came
change come day days different done end even everything feel find first found gave get gets getting give
given go goes going gone good got great happen happened help idea kind know known last later least like
little long look looking lot made make makes making many maybe mean mention mentioned much name named
need needs never new next nice now number often old one part people place possible put question quite
really recently remember remind right said saw say says see seem seems set show since small something
sometimes soon still take talk talked tell thing things think thought time times today told took tried
try two type use used using want wanted wants way week well went work worked working year years yesterday
user write function code program python
"""
FAINT: Final = frozenset(_FAINT.split())
"""Words that many texts hold: they help to choose, and alone they prove nothing."""

IRREGULAR: Final = {
    "ate": "eat",
    "became": "become",
    "began": "begin",
    "bought": "buy",
    "brought": "bring",
    "built": "build",
    "caught": "catch",
    "children": "child",
    "chose": "choose",
    "chosen": "choose",
    "drank": "drink",
    "drove": "drive",
    "driven": "drive",
    "fell": "fall",
    "felt": "feel",
    "feet": "foot",
    "flew": "fly",
    "forgot": "forget",
    "found": "find",
    "gave": "give",
    "gone": "go",
    "grew": "grow",
    "held": "hold",
    "kept": "keep",
    "knew": "know",
    "left": "leave",
    "lost": "lose",
    "lives": "live",
    "made": "make",
    "marriage": "marry",
    "married": "marry",
    "men": "man",
    "met": "meet",
    "mice": "mouse",
    "paid": "pay",
    "ran": "run",
    "rode": "ride",
    "sang": "sing",
    "sold": "sell",
    "sent": "send",
    "slept": "sleep",
    "spent": "spend",
    "spoke": "speak",
    "swam": "swim",
    "taught": "teach",
    "teeth": "tooth",
    "thought": "think",
    "told": "tell",
    "took": "take",
    "went": "go",
    "wives": "wife",
    "women": "woman",
    "won": "win",
    "wore": "wear",
    "written": "write",
    "wrote": "write",
}
"""Forms that no rule leads back."""
