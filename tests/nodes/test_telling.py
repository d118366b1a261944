import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.telling import Told, asks, fact, may_ask, may_be_answered, told


@pytest.mark.parametrize(
    ("text", "kept", "subject"),
    [
        ("remember that my birthday is July 25", "my birthday is July 25", "my birthday"),
        ("Please remember: the wifi password is hunter2", "the wifi password is hunter2", "wifi password"),
        ("note that we deploy on Fridays", "we deploy on Fridays", ""),
        ("Don't forget that Ana is vegan", "Ana is vegan", ""),
        ("don\u2019t forget that prod runs on Postgres 16.", "prod runs on Postgres 16", ""),
        ("Can you remember that my editor is vim", "my editor is vim", "my editor"),
        ("remember to use tabs", "to use tabs", ""),
        ("my birthday is July 25.", "my birthday is July 25", "my birthday"),
        ("My dog is called Rex", "My dog is called Rex", "My dog's name"),
        ("my boss is Maria", "my boss is Maria", "my boss"),
        ("my boss is angry", "my boss is angry", ""),
        ("my name is Ana and my birthday is July 25", "my name is Ana and my birthday is July 25", ""),
        ("Can you remember that I like tea?", "I like tea", ""),
        ("Could you please note that my editor is vim?", "my editor is vim", "my editor"),
        ("I want you to remember that I like tea", "I like tea", ""),
        ("I'd like you to remember that my editor is vim.", "my editor is vim", "my editor"),
        ("actually my birthday is July 26", "my birthday is July 26", "my birthday"),
        ("No, my birthday is July 26.", "my birthday is July 26", "my birthday"),
        ("my birthday is not July 26", "my birthday is not July 26", ""),
        ("remember that my birthday was July 25", "my birthday was July 25", ""),
        ("remember that our motto is: build fast", "our motto is: build fast", ""),
        ("remember that I paint, write poems and cook", "I paint, write poems and cook", ""),
        ("remember that Ana's dog is called Rex.", "Ana's dog is called Rex", "Ana's dog's name"),
    ],
)
def test_a_fact_is_read_from_a_whole_sentence(text: str, kept: str, subject: str) -> None:
    found = told(text)
    assert found is not None
    assert (found.act, found.text, found.subject) == ("remember", kept, subject)


OTHER_REQUESTS = [
    "write a function that remembers its calls",
    "Remember that I use tabs. Now write a function that sorts",
    "Remember the function from before? fix it",
    "remember when we talked?",
    "remember that .",
    "Remember: …!",
    "Can you remember my name?",
    "Remember, lists are zero-based: write binary search",
    "remember that lists are zero-based: write binary search in Python",
    "remember that lists are zero-based, now write a function that finds the last one",
    "remember that I use tabs - write fizzbuzz",
    "my indices are zero-based, write quicksort in Python",
    "Remember to write a function that sorts a list",
    "remember that def f(x): return x",
    "remember that this is it:\n```python\nx = 1\n```",
    "Can you remember that I told you about the outage?",
    "Can you remember what I like?",
    "note that it must handle None",
    "Note: the function should return None",
    "memoize this function",
    "my code is broken",
    "my test is failing",
    "My favourite language is Python, write me a poem",
    "my boss is angry, what should I do",
    "forget it",
    "forget about it",
    "never mind, forget the last change",
    "Note that",
    "",
    "remember that " + "x" * 20_001,
]


@pytest.mark.parametrize("text", OTHER_REQUESTS)
def test_other_requests_tell_nothing(text: str) -> None:
    assert told(text) is None


def test_what_is_not_to_be_forgotten_belongs_to_the_code_where_there_is_some() -> None:
    assert told("don't forget to handle empty lists") is not None
    assert told("don't forget to handle empty lists", at_work=True) is None
    assert told("remember that my birthday is July 25", at_work=True) is not None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("forget my birthday", Told("forget", "my birthday", "my birthday")),
        ("Forget that my birthday is July 25", Told("forget", "my birthday", "my birthday")),
        ("forget what I said about the deploy.", Told("forget", "deploy", "deploy")),
        ("please forget everything you know about Ana", Told("forget", "Ana", "Ana")),
        ("forget everything", Told("forget_all", "forget everything")),
        ("Forget all you know about me", Told("forget_all", "Forget all you know about me")),
    ],
)
def test_what_to_forget_is_read_from_a_whole_sentence(text: str, expected: Told) -> None:
    assert told(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "when is my birthday?",
        "what's my name",
        "what is my dog's name?",
        "who is my boss",
        "how old am I?",
        "where do I live?",
        "what do you know about my sister?",
        "what do you remember about our deploys?",
        "What are our rules for naming branches?",
        "What's our tone of voice?",
        "do you remember where I live?",
        "what did I say about deploys?",
        "Have I told you about the outage?",
        "what is the name of my dog?",
        "What's the phone number of my boss",
    ],
)
def test_a_question_about_what_was_told_is_one(text: str) -> None:
    assert asks(text)


OTHER_QUESTIONS = [
    "what are my chances of winning the lottery?",
    "what is my first step to learn piano?",
    "what are our rights as tenants?",
    "When is our sun going to die?",
    "what is my function doing?",
    "what is wrong with my code?",
    "what is my best option?",
    "what is the name of my function?",
    "what is the complexity of my algorithm?",
    "How do I sort my list?",
    "What is a monad?",
    "Do you remember how to sort a list?",
    "Write a function that tells when my birthday is",
    "what do you know",
    "",
]


@pytest.mark.parametrize("text", OTHER_QUESTIONS)
def test_other_questions_are_none(text: str) -> None:
    assert not asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "what do you know about Ana?",
        "what do you know about volcanoes?",
        "can you recall the treaty of Ghent?",
    ],
)
def test_what_anybody_may_be_asked_needs_a_stored_fact(text: str) -> None:
    assert not asks(text)
    assert may_be_answered(text)


@pytest.mark.parametrize(
    "text",
    [
        "is my plan good?",
        "does my plan work?",
        "what should I do for my birthday?",
        "What are we going to do about our parser?",
        "what is the best plan for us?",
        "is recursive descent right for our parser?",
    ],
)
def test_what_asks_for_counsel_is_not_answered_by_a_fact(text: str) -> None:
    assert not may_be_answered(text)


def test_what_sounds_like_recalling_may_be_taken_for_it_by_a_classifier() -> None:
    assert may_ask("Do you remember the name of the hotel?")
    assert not may_ask("What do you know about hummingbirds?")


def test_names_are_entities_and_days_are_not() -> None:
    assert fact("Ana met Bob Smith in Paris on Friday in July").entities == ("Bob Smith", "Paris")


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    told(text)
    asks(text)
    assert len(fact(text).subject) <= 255
