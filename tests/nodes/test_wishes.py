"""What is told and asks for something as well is no mere fact; what only sounds like it stays one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.telling import may_tell, told
from nodes.wishes import asks_after, unquoted, wants_more

ASK_AS_WELL = [
    "Remember: lists are zero-based. Now prove that binary search terminates",
    "Remember that I use tabs. Now prove it is better",
    "Remember that I like tea. Derive the quadratic formula",
    "remember that I'm Ana. Summarise this text for me",
    "remember that my name is Ana; what is 2+2",
    "remember that my name is Ana. Who are you",
    "remember that I prefer short answers. Is Python typed",
    "Remember that I am vegan. What can I eat tonight",
    "Remember that I am vegan and suggest a recipe",
    "remember that i like cats\n\nHow tall is Everest",
    "remember that my name is Ana, then translate hello to French",
    "remember that the earth is round, prove it",
    "remember that each prime > 3 is 6k±1, hence find primes under 50",
    "remember that my flight leaves at 9. Now, let's continue with the essay.",
    "Remember that one function? make it faster",
    "my name is Ana. Derive the formula",
    "my name is Ana, derive the formula",
    "my birthday is July 25, add it to the calendar",
    "forget everything about Python. Now explain Rust",
]
STATEMENTS = [
    "remember that I like tea. Ana likes coffee. Bob's dog is ill.",
    "remember that my car is red. It has a dent. Don't tell my wife.",
    "remember that on Fridays we deploy. We never deploy on Mondays.",
    "remember that I live in Paris and drive a Volvo",
    "remember that my boss is Maria and her boss is Tom",
    "remember that my dog is called Rex, like the dinosaur",
    "remember that I live in Paris, the capital",
    "remember that my name is Ana - not Anna",
    "remember that my flight is on Monday; hotel is booked",
    "remember that my address is 5 Main St. Springfield",
    "remember that the meeting is at 5 p.m. in room 3",
    "remember that I want to learn to derive and prove theorems",
    'remember that my favourite song is "Stop. Show me the way"',
    "remember that our motto is «give, then take»",
    "remember that our style is: explain first, then code",
    "Remember that I am vegan. Thanks!",
    "my neighbour's name is Mr. Moe and he has our spare key",
    "Please note that our team is:\nPriya (lead), Tom (backend), Ines (design)",
]


@pytest.mark.parametrize("text", ASK_AS_WELL)
def test_what_asks_for_something_as_well_is_not_kept_as_a_fact(text: str) -> None:
    assert told(text) is None
    assert not may_tell(text)


@pytest.mark.parametrize("text", STATEMENTS)
def test_what_says_several_things_is_still_told(text: str) -> None:
    assert told(text) is not None
    assert may_tell(text)


@pytest.mark.parametrize(
    "text",
    [
        "don't remember that my name is Ana",
        "please do not store that I like tea",
        "He said «remember that my name is Ana»",
        '"remember that my name is Ana"',
        "'remember that my name is Ana'",
        "`remember that my name is Ana`",
        "> remember that my name is Ana",
    ],
)
def test_what_is_quoted_or_denied_is_not_told_whatever_a_classifier_says(text: str) -> None:
    assert told(text) is None
    assert not may_tell(text)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("Merk dir: ich heiße Ana. Ich wohne in Bonn.", False),
        ("Merk dir: ich heiße Ana. Schreibe ein Gedicht.", True),
        ("Recuerda que soy vegano. Escribe un poema.", True),
    ],
)
def test_a_request_after_a_statement_is_seen_in_other_languages(text: str, *, asks: bool) -> None:
    assert asks_after(text) is asks
    assert may_tell(text) is not asks


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    wants_more(text)
    asks_after(text)
    assert wants_more(unquoted(text)) in {True, False}


@pytest.mark.parametrize("filler", [" ", "\n", "and ", '"a ', ", now ", " - ", "a's "])
def test_a_long_text_is_read_as_fast_as_it_is_long(filler: str) -> None:
    # A rule that begins anew at every letter would take minutes here.
    text = f"remember that my name is Ana{filler * (19_000 // len(filler))} z"
    told(text)
    assert may_tell(text) in {True, False}
