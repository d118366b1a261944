"""The search: right or silent."""

import string
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.offline.cookbook import Cookbook, Recipe
from tests.providers.offline.labelled import negatives, paraphrases

COOKBOOK = Cookbook.load()


def slug_for(request: str) -> str | None:
    match = COOKBOOK.find(request)
    return match.recipe.slug if match else None


def test_the_labelled_set_is_large_enough() -> None:
    by_recipe = Counter(slug for slug, _ in paraphrases())
    assert {
        recipe.slug: by_recipe[recipe.slug] for recipe in COOKBOOK.recipes if by_recipe[recipe.slug] < 3
    } == {}
    assert by_recipe.keys() == {recipe.slug for recipe in COOKBOOK.recipes}
    assert len(set(negatives())) >= 60
    asks = {ask.casefold() for recipe in COOKBOOK.recipes for ask in recipe.asks}
    copies = [request for _, request in paraphrases() if request.casefold() in asks]
    assert len(copies) <= len(paraphrases()) * 0.1


def test_no_negative_finds_a_recipe() -> None:
    assert {request: slug_for(request) for request in negatives() if slug_for(request)} == {}


def test_a_paraphrase_never_finds_another_recipe() -> None:
    wrong = {
        request: slug_for(request) for slug, request in paraphrases() if slug_for(request) not in (slug, None)
    }
    assert wrong == {}


def test_nine_of_ten_paraphrases_find_their_recipe() -> None:
    missed = [request for slug, request in paraphrases() if slug_for(request) != slug]
    assert len(missed) <= len(paraphrases()) * 0.1, missed


@pytest.mark.parametrize("recipe", COOKBOOK.recipes, ids=lambda recipe: recipe.slug)
def test_a_recipe_answers_what_it_says_it_answers(recipe: Recipe) -> None:
    promised = (*recipe.asks, recipe.title)
    assert {ask: slug_for(ask) for ask in promised} == dict.fromkeys(promised, recipe.slug)


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        ("Write an email validator called is_email", "is_email"),
        ("Write an email validator named `mailok`", "mailok"),
        ("def is_email(s: str) -> bool: validate an email address", "is_email"),
        ("Write is_email(text), it validates email addresses", "is_email"),
        ("Write a function isEmail(text) that validates an email", "isEmail"),
        ('validate email addresses in a function called "check_mail"', "check_mail"),
    ],
)
def test_an_explicit_name_is_used_in_solution_and_tests(request_text: str, name: str) -> None:
    match = COOKBOOK.find(request_text)
    assert match is not None
    assert f"def {name}(address: str) -> bool:" in match.solution
    assert f"assert {name}(" in match.tests
    assert "validate_email" not in match.solution + match.tests


@pytest.mark.parametrize(
    "request_text",
    [
        "def is_prime(a, b): check whether a number is prime",
        "def is_prime(n: int) -> list[int]: check whether a number is prime",
        "Write flatten_to_set(nested, depth, strict): flatten a nested list",
        "Write a prime checker called isqrt",
        "Write a prime checker called print",
        "Write a prime checker called n",
        "gcd of two numbers, called greatest",
        "has_duplicates(items): unique items of a list",
    ],
)
def test_a_name_or_signature_that_the_recipe_cannot_serve_is_no_match(request_text: str) -> None:
    assert COOKBOOK.find(request_text) is None


def test_other_languages_and_pasted_code_are_no_match() -> None:
    assert slug_for("implement quicksort") == "quicksort"
    for language in (
        "Rust",
        "JavaScript",
        "TypeScript",
        "C",
        "C++",
        "C#",
        "Go",
        "Java",
        "R",
        "Ruby",
        "PHP",
        "SQL",
    ):
        assert slug_for(f"implement quicksort in {language}") is None, language
    assert slug_for("quicksort\n\ndef quicksort(items):\n    return sorted(items)") is None


def test_a_negation_is_not_its_opposite() -> None:
    assert slug_for("fibonacci without recursion") == "fibonacci_number"
    assert slug_for("fibonacci with recursion") == "fibonacci_memoized"
    assert slug_for("validate an email without regex") is None
    assert slug_for("validate an email, don't use regular expressions") is None


@pytest.mark.parametrize("blank", ["", " ", "\n\t", "...", "?!", "\x00", "🙂", "def", "function"])
def test_a_request_without_content_is_no_match(blank: str) -> None:
    assert COOKBOOK.find(blank) is None


def test_a_megabyte_is_read_at_its_head_and_tail_only() -> None:
    assert slug_for("validate an email address" + " " * 1_000_000) == "validate_email"
    assert slug_for(" " * 1_000_000 + "validate an email address") == "validate_email"
    assert slug_for("validate an email address " + "x" * 1_000_000) is None
    assert slug_for("(" * 1_000_000) is None
    assert slug_for("def f" + "(" * 1_000_000) is None


def test_the_form_of_unicode_does_not_matter() -> None:
    assert slug_for("\uff56\uff41lidate an email address") == "validate_email"
    assert slug_for("Implement Dijkstra\N{RIGHT SINGLE QUOTATION MARK}s algorithm") == "dijkstra"


@settings(max_examples=50)
@given(st.text(max_size=300))
def test_any_text_is_searched_without_an_error(text: str) -> None:
    first = COOKBOOK.find(text)
    assert first == COOKBOOK.find(text)


@settings(max_examples=50)
@given(
    st.sampled_from([request for _, request in paraphrases()]),
    st.text(string.ascii_lowercase, min_size=12, max_size=20),
)
def test_one_unknown_word_rules_every_recipe_out(request_text: str, unknown: str) -> None:
    assert COOKBOOK.find(f"{request_text} {unknown}qz") is None
