"""The cookbook: recipes from the package's Markdown files, found by the words of a request."""

import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files

from providers.offline import naming
from providers.offline.recipe import Recipe, RecipeError, definition, parse_recipe
from providers.offline.stems import chatter_stems, stems

__all__ = ["Cookbook", "Match", "Recipe", "RecipeError", "parse_recipe"]

_HEAD_CHARACTERS = 4000
_TAIL_CHARACTERS = 1000
_OTHER_LANGUAGE = re.compile(
    r"\b(?:javascript|typescript|coffeescript|java|js|ts|rust|golang|ruby|php|swift|kotlin|scala|haskell|perl"
    r"|sql|bash|powershell|matlab|lua|elixir|julia|dart|html|fortran|cobol|zig|clojure|erlang|ocaml|vba|nim"
    r"|groovy|assembly|cpp|csharp|objective-c|micropython|cython)\b"
    r"|\b[cf](?:\+\+|#)"
    r"|\b(?:in|using|with) (?:c|r|go|d|pascal|basic|shell|scheme|lisp|excel)\b(?!\s+(?:to|into|and|or)\b)"
    r"|\b(?:c|go|r) (?:code|program|function|implementation)\b",
    re.IGNORECASE,
)
_PASTED_CODE = re.compile(
    r"^[ \t]*(?:return\b.*|(?:for|while|if|try|with) .*:|\w+ [-+*/]?= .*|print\(.*)$", re.MULTILINE
)
_ABOUT_CODE = re.compile(
    r"\b(?:write|add|create|generate|make|give me|need|want)\s+(?:some |a |an |the |me )*"
    r"(?:unit |pytest |more )*(?:tests?|test cases?|docstrings?|documentation|docs|comments?|type hints?"
    r"|annotations?|readme)\s+(?:for|to|of|about)\b",
    re.IGNORECASE,
)
_TITLE_WEIGHT = 3
_ERROR_WORDS = "raise raises raising throw throws error errors exception exceptions ValueError invalid"
_PREDICATE_STEMS = frozenset(stems("true bool boolean"))


@dataclass(frozen=True, slots=True)
class Match:
    """A recipe that answers a request.

    Attributes:
        recipe: The recipe.
        solution: Its solution, under the name that the request asks for.
        tests: Its tests, under that name too.
        score: How much of the recipe's own vocabulary the request uses; comparable within one search.
    """

    recipe: Recipe
    solution: str
    tests: str
    score: float


@dataclass(frozen=True, slots=True)
class _Phrase:
    """Stems that a request must hold: side by side when quoted, else anywhere."""

    roots: tuple[str, ...]
    quoted: bool

    def occurs(self, question: "_Question") -> bool:
        """Tell whether the request holds the phrase."""
        if self.quoted:
            return _holds(question.roots, self.roots)
        return question.seen.issuperset(self.roots)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A recipe with its words as stems, ready for the search."""

    recipe: Recipe
    needs: tuple[tuple["_Phrase", ...], ...]
    vocabulary: frozenset[str]
    weights: Counter[str]
    avoid: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _Question:
    """A request, read once for all recipes."""

    roots: tuple[str, ...]
    content: tuple[str, ...]
    seen: frozenset[str]
    asked: naming.Asked | None


class Cookbook:
    """Recipes by request. Reads its files at the first search and keeps them."""

    @cached_property
    def recipes(self) -> tuple[Recipe, ...]:
        """All recipes, sorted by their slugs."""
        return tuple(entry.recipe for entry in self._entries)

    @classmethod
    def load(cls) -> "Cookbook":
        """Read all recipes now.

        Returns:
            A cookbook that is ready to search.

        Raises:
            RecipeError: When a recipe file breaks the form.
        """
        cookbook = cls()
        _ = cookbook.recipes, cookbook._inverse_frequency
        return cookbook

    def find(self, request: str) -> Match | None:
        """Find the recipe that answers a request, and rather none than a wrong one.

        A recipe answers when the request holds a phrase of each of its needs, no content word that it
        does not know, no sequence that it avoids, and no name or signature that it cannot serve. Among
        several the one with the highest inverse-frequency score wins; a tie is no answer.

        Args:
            request: The user's words; only the head and the tail of a long one are read.

        Returns:
            The recipe and its code, or None.

        Raises:
            RecipeError: When a recipe file breaks the form.
        """
        text = _bounded(request)
        if any(pattern.search(text) for pattern in (_OTHER_LANGUAGE, _PASTED_CODE, _ABOUT_CODE)):
            return None
        question = self._read(text)
        answers = [
            (sum(entry.weights[root] * self._inverse_frequency[root] for root in question.seen), entry.recipe)
            for entry in self._entries
            if self._answers(entry, question)
        ]
        answers.sort(key=lambda answer: answer[0], reverse=True)
        if not answers or (len(answers) > 1 and math.isclose(answers[0][0], answers[1][0])):
            return None
        return _served(answers[0][1], question.asked, answers[0][0])

    @cached_property
    def _entries(self) -> tuple[_Entry, ...]:
        folder = files(__package__).joinpath("recipes")
        paths = sorted(
            (path for path in folder.iterdir() if path.name.endswith(".md")), key=lambda path: path.name
        )
        recipes = [
            parse_recipe(path.name.removesuffix(".md"), path.read_text(encoding="utf-8")) for path in paths
        ]
        return tuple(self._entry(recipe) for recipe in recipes)

    @cached_property
    def _chatter(self) -> frozenset[str]:
        return chatter_stems(files(__package__).joinpath("chatter.txt").read_text(encoding="utf-8"))

    @cached_property
    def _inverse_frequency(self) -> Counter[str]:
        holders = Counter(root for entry in self._entries for root in entry.vocabulary)
        return Counter({root: math.log(1 + len(self._entries) / count) for root, count in holders.items()})

    def _entry(self, recipe: Recipe) -> _Entry:
        title = stems(
            " ".join((recipe.title, *(name.replace("_", " ") for name in recipe.names))), self._chatter
        )
        weights = Counter(
            root for phrase in (*recipe.words, *recipe.asks) for root in stems(phrase, self._chatter)
        )
        if "raise " in recipe.solution:
            weights.update(stems(_ERROR_WORDS))
        weights = Counter(dict.fromkeys(weights, 1))
        weights.update(dict.fromkeys(title, _TITLE_WEIGHT))
        return _Entry(
            recipe=recipe,
            needs=tuple(tuple(_phrase(phrase) for phrase in group) for group in recipe.needs),
            vocabulary=frozenset(weights),
            weights=weights,
            avoid=tuple(tuple(stems(phrase)) for phrase in recipe.avoid),
        )

    def _read(self, text: str) -> _Question:
        asked = naming.asked_name(text)
        roots = stems(asked.rest if asked else text, self._chatter)
        if asked is None:
            named: list[str] = []
        else:
            named = stems(asked.name.replace("_", " "), self._chatter)
        # A name of several words tells the task, a single one such as `slug` or `solve` need not.
        counted = named if len(named) > 1 or not set(roots) - self._chatter else []
        content = tuple(root for root in (*counted, *roots) if root not in self._chatter)
        return _Question((*named, *roots), content, frozenset((*named, *roots)), asked)

    def _answers(self, entry: _Entry, question: _Question) -> bool:
        return (
            all(any(phrase.occurs(question) for phrase in group) for group in entry.needs)
            and all(
                root in entry.vocabulary or (entry.recipe.any_number and root.isdecimal())
                for root in question.content
            )
            and not any(_avoids(question, sequence) for sequence in entry.avoid)
            and _serves(entry.recipe, question)
        )


def _bounded(request: str) -> str:
    if len(request) <= _HEAD_CHARACTERS + _TAIL_CHARACTERS:
        return request
    return f"{request[:_HEAD_CHARACTERS]}\n{request[-_TAIL_CHARACTERS:]}"


def _holds(content: tuple[str, ...], sequence: tuple[str, ...]) -> bool:
    width = len(sequence)
    return any(content[start : start + width] == sequence for start in range(len(content) - width + 1))


def _avoids(question: _Question, sequence: tuple[str, ...]) -> bool:
    """Tell whether a request holds a sequence, with or without its chatter; 0 stands for any number."""
    readings = (question.content, question.roots)
    return any(
        _holds(tuple("0" if root.isdecimal() else root for root in reading), sequence) for reading in readings
    )


def _phrase(text: str) -> _Phrase:
    bare = text.strip('"')
    roots = [f"!{root}" if bare.startswith("!") else root for root in stems(bare)]
    return _Phrase(tuple(roots), quoted=bare != text)


def _serves(recipe: Recipe, question: _Question) -> bool:
    """Tell whether the recipe's code can stand under the name and result that were asked for."""
    asked = question.asked
    single = definition(recipe, recipe.names[0]) if len(recipe.names) == 1 else None
    if (
        single is not None
        and question.seen & _PREDICATE_STEMS
        and naming.return_type(single) not in {"", "bool"}
    ):
        return False
    if asked is None:
        return True
    if asked.name in recipe.names:
        return naming.fits(asked, definition(recipe, asked.name))
    return (
        single is not None
        and naming.fits(asked, single)
        and naming.can_rename((recipe.solution, recipe.tests), asked.name)
    )


def _served(recipe: Recipe, asked: naming.Asked | None, score: float) -> Match:
    if asked is None or asked.name in recipe.names:
        return Match(recipe, recipe.solution, recipe.tests, score)
    old = recipe.names[0]
    return Match(
        recipe,
        naming.rename(recipe.solution, old, asked.name),
        naming.rename(recipe.tests, old, asked.name),
        score,
    )
