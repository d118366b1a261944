"""Conversations for the memory benchmark, made by this file and the same at every run.

How they were made: each of the `_SCENES` below is a short talk, written by hand, in which one turn tells
something (the evidence), with three questions that ask for it later. Some questions use the words of the
talk, some paraphrase them, and for some the evidence turn alone does not hold the words that the question
asks with: they stand in a turn beside it. A scene's slots are filled from lists of people, towns, things,
months and numbers; a question is asked only of a person and a scene that come together once, but other
scenes tell of the same person, and other persons are in the same scene in the same town: those are the
distractors. Between scenes stands small talk from `_CHATTER`, whose words come from one list with the most
common ones first (as 1/rank), so that some words are in nearly every turn and most are rare. The ranking was
chosen by looking at what was missed with the seeds 7 and 11, so the figures are of another one.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_CHATTER_SHARE: Final = 0.6


class Scene(NamedTuple):
    """A short talk.

    Attributes:
        turns: What is said, request and answer in one turn.
        evidence: Which turn holds the answer.
        questions: Ways to ask for it.
    """

    turns: tuple[str, ...]
    evidence: int
    questions: tuple[str, ...]


_SCENES: Final = (
    Scene(
        (
            "I met {name} in {town} last {month}. / How nice, what did you two do?",
            "We shared a {thing} and talked for hours. / That sounds like a good day.",
        ),
        0,
        ("Where did I meet {name}?", "In which town did I run into {name}?", "When did I meet {name}?"),
    ),
    Scene(
        (
            "{name} has adopted a dog. / Lovely! What is it called?",
            "{pet}, because it looks like a {thing}. / A fine name.",
        ),
        1,
        (
            "What is the name of {name}'s dog?",
            "What do they call the dog that {name} adopted?",
            "Which name did {name} give the puppy?",
        ),
    ),
    Scene(
        (
            "{name} will move to {town}. / For work?",
            "Yes, the new job at the {place} begins in {month}. / I wish them luck.",
        ),
        1,
        (
            "When does {name}'s new job begin?",
            "What is {name} going to work at after the move?",
            "In which month does {name} start working at the {place}?",
        ),
    ),
    Scene(
        ("{name} is allergic to {food}, please remember that. / I will keep it in mind.",),
        0,
        (
            "What is {name} allergic to?",
            "Which allergies does {name} have?",
            "What must {name} not eat?",
        ),
    ),
    Scene(
        (
            "The project with {name} is due. / When exactly?",
            "On the {day}th of {month}, and the budget is {number} euros. / That is tight.",
        ),
        1,
        (
            "What is the budget of the project with {name}?",
            "How much money is there for the project with {name}?",
            "What is the deadline of {name}'s project?",
        ),
    ),
    Scene(
        ("The server of {name} listens on port {number} behind the {thing} proxy. / Noted.",),
        0,
        (
            "On which port does {name}'s server listen?",
            "What port number has the server of {name}?",
            "Which proxy is in front of {name}'s server?",
        ),
    ),
    Scene(
        (
            "{name} recommended a restaurant in {town}. / What do they serve?",
            "Mostly {food}; it is called The {thing}. / I would go there.",
        ),
        1,
        (
            "Which restaurant did {name} recommend?",
            "What is the restaurant in {town} called that {name} likes?",
            "Where should I eat in {town}, going by {name}?",
        ),
    ),
    Scene(
        ("{name} and I celebrate our wedding in {town} on {month} {day}. / Congratulations!",),
        0,
        (
            "When is the wedding with {name}?",
            "On which date do {name} and I get married?",
            "Where do {name} and I marry?",
        ),
    ),
    Scene(
        ("I lent {name} my {thing}, and it shall come back in {month}. / I hope it does.",),
        0,
        (
            "What did I lend {name}?",
            "What does {name} still have of mine?",
            "When do I get back what {name} borrowed?",
        ),
    ),
    Scene(
        (
            "{name} plays in a band now. / Which instrument?",
            "The {instrument}, every Thursday at the {place}. / Music does one good.",
        ),
        1,
        (
            "Which instrument does {name} play?",
            "What does {name} play in the band?",
            "Where does {name}'s band play?",
        ),
    ),
)

_CHATTER: Final = (
    "What do you think of the {a} {b}? / It depends on the {c}.",
    "Can you explain how a {a} works with a {b}? / A {a} takes the {c} and gives a {b}.",
    "I read about the {a} today. / The {b} of the {c} is worth a look too.",
    "Please sort the list of {a} by {b}. / Done, the {c} comes first.",
    "{name} told me about a {a}. / And the {b}?",
    "The weather in {town} is all {a}. / Take a {b} along.",
    "Let us talk about {month} and the {a}. / With pleasure, the {b} first.",
)

_TOWNS_TEXT = """
Graz Lisbon Oslo Kyoto Quito Turin Bergen Porto Ghent Leeds Cork Basel Lyon Malmo Riga Split Sofia Tartu
Vigo Zadar Bilbao Dresden Fukuoka Galway Hobart Izmir Jaipur Krakow Leipzig Montreal Nantes Osaka Perth
Quebec Rouen Seville Tromso Utrecht Valencia Wellington
"""
_TOWNS: Final = _TOWNS_TEXT.split()
_THINGS_TEXT = """
lantern kettle violin anchor compass ladder mirror barrel saddle teapot umbrella wheel bicycle blanket
candle drill easel feather goblet hammock iron jigsaw kayak loom magnet napkin oar pillow quilt rope sail
tent vase whistle xylophone yarn zipper basket chisel drum
"""
_THINGS: Final = _THINGS_TEXT.split()
_FOOD_TEXT = """
peanuts shellfish celery mustard walnuts lupins sesame soy wheat eggs milk sulphites mango kiwi
"""
_FOOD: Final = _FOOD_TEXT.split()
_MONTHS_TEXT = """
January February March April May June July August September October November December
"""
_MONTHS: Final = _MONTHS_TEXT.split()
_INSTRUMENTS_TEXT = """
cello oboe banjo trombone harp clarinet bassoon mandolin viola tuba
"""
_INSTRUMENTS: Final = _INSTRUMENTS_TEXT.split()
_PLACES_TEXT = """
brewery library harbour observatory museum bakery foundry theatre orchard shipyard
"""
_PLACES: Final = _PLACES_TEXT.split()
_FIRST_TEXT = """
An Bel Cor Dan El Fen Gil Han Ida Jor Kal Lin Mar Nel Ost Pia Quin Ros Sil Tam Ul Vera Wim Xan Yor Zel
"""
_FIRST: Final = _FIRST_TEXT.split()
_LAST_TEXT = """
a ard ena ika ine is ko la lia mir na nor o ra ric sa son ta us vin
"""
_LAST: Final = _LAST_TEXT.split()
_SYLLABLES_TEXT = """
ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru sta tre plo
"""
_SYLLABLES: Final = _SYLLABLES_TEXT.split()


@dataclass
class Turn:
    """One turn of a conversation.

    Attributes:
        text: Request and answer.
        context: The turns before and after.
    """

    text: str
    context: str = ""


class Question(NamedTuple):
    """A question and the number of the turn that answers it."""

    text: str
    evidence: int


@dataclass
class Conversations:
    """Turns in order, and questions about them."""

    turns: list[Turn] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


def make(count: int, *, questions: int = 300, seed: int = 13) -> Conversations:
    """Make conversations of `count` turns, and questions spread over all of them."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    said, asked = Conversations(), list[Question]()
    people = _people(chance)
    words = _Words(chance)
    while len(said.turns) < count:
        start = len(said.turns)
        if chance.random() < _CHATTER_SHARE:
            lines = [_fill(chance.choice(_CHATTER), chance, words) for _ in range(chance.randint(1, 3))]
        else:
            scene, name = next(people)
            slots = {"name": name, **_slots(chance)}
            lines = [line.format(**slots) for line in scene.turns]
            question = chance.choice(scene.questions).format(**slots)
            asked.append(Question(question, start + scene.evidence))
        said.turns += [
            Turn(line, "\n".join((*lines[max(0, place - 1) : place], *lines[place + 1 : place + 2])))
            for place, line in enumerate(lines)
        ]
    del said.turns[count:]
    whole = [question for question in asked if question.evidence < count]
    said.questions = chance.sample(whole, min(questions, len(whole)))
    return said


def _people(chance: random.Random) -> Iterator[tuple[Scene, str]]:
    """Each scene with each person once, in any order; after all of them with longer names."""
    names = [f"{first}{last}" for first in _FIRST for last in _LAST]
    for generation in itertools.count():
        pairs = [
            (scene, f"{name} {_name(generation, chance)}".strip()) for scene in _SCENES for name in names
        ]
        chance.shuffle(pairs)
        yield from pairs


def _name(generation: int, chance: random.Random) -> str:
    """The first people have one name, as in a family; those after them have two."""
    return "".join(chance.choices(_SYLLABLES, k=3)).capitalize() if generation else ""


def _slots(chance: random.Random) -> dict[str, str]:
    return {
        "town": chance.choice(_TOWNS),
        "thing": chance.choice(_THINGS),
        "month": chance.choice(_MONTHS),
        "food": chance.choice(_FOOD),
        "instrument": chance.choice(_INSTRUMENTS),
        "place": chance.choice(_PLACES),
        "pet": "".join(chance.choices(_SYLLABLES, k=2)).capitalize(),
        "number": str(chance.randint(1024, 65535)),
        "day": str(chance.randint(1, 28)),
    }


class _Words:
    """Words of small talk, the first ones far more often than the last ones."""

    def __init__(self, chance: random.Random) -> None:
        """Make the list."""
        made = {"".join(chance.choices(_SYLLABLES, k=chance.randint(2, 4))) for _ in range(6000)}
        self._words = [*_THINGS, *_PLACES, *sorted(made)]
        self._weights = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(self._words))))

    def some(self, chance: random.Random, count: int) -> list[str]:
        """Draw words."""
        return chance.choices(self._words, cum_weights=self._weights, k=count)


def _fill(line: str, chance: random.Random, words: _Words) -> str:
    a, b, c = words.some(chance, 3)
    name = f"{chance.choice(_FIRST)}{chance.choice(_LAST)}"
    return line.format(a=a, b=b, c=c, name=name, **_slots(chance))
