import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.classifier import Classifier, softmax
from routing.labels import LABELS, SUBJECTS
from routing.view import MAX_HEAD, MAX_TAIL

ROUTER = Classifier.load()
NONSENSE = ("blorf", "quindle", "write", "plan", "my", "xylophone 7", "why")
ODD = (
    "",
    " \n\t",
    "🙂",
    "\x00",
    "\ud800",
    "```",
    "?" * 5000,
    "```" * 3000,
    "a," * 9000,
    "中" * 9000,
    "\n" * 9000,
)


@given(
    text=st.one_of(st.text(max_size=400), st.sampled_from(ODD)),
    has_code=st.booleans(),
    has_diff=st.booleans(),
)
def test_any_text_gets_a_decision(text: str, *, has_code: bool, has_diff: bool) -> None:
    decision = ROUTER.decide(text, has_code=has_code, has_diff=has_diff)
    assert decision.label in LABELS
    assert decision.subject in SUBJECTS
    assert tuple(decision.scores) == LABELS
    assert abs(sum(decision.scores.values()) - 1) < 1e-9
    assert all(0 <= score <= 1 for score in decision.scores.values())
    assert decision.scores[decision.label] == max(decision.scores.values()) == decision.confidence
    assert ROUTER.decide(text, has_code=has_code, has_diff=has_diff) == decision


@given(st.text(max_size=3 * (MAX_HEAD + MAX_TAIL)))
def test_the_middle_of_a_long_text_changes_nothing(middle: str) -> None:
    text = "write a function that sorts a list. " + "x" * MAX_HEAD
    end = "y" * MAX_TAIL + " is the list's name."
    assert ROUTER.decide(text + middle + end) == ROUTER.decide(text + end + end)


@pytest.mark.parametrize("text", [*ODD, "x" * 1_000_000, "def f():\n    pass\n" * 60_000])
def test_odd_texts_get_a_decision(text: str) -> None:
    assert ROUTER.decide(text).label in LABELS


@pytest.mark.parametrize("text", ["", " \n", "🙂", "🎉🎉🎉", "...", "?!"])
def test_where_nothing_is_said_nothing_is_wanted(text: str) -> None:
    decision = ROUTER.decide(text)
    assert (decision.label, decision.tier) == ("general", "hard_signal")


@pytest.mark.parametrize(
    ("confidence", "temperature"),
    [((1.0, 2.0, 3.0), 1.0), ((0.0, 0.0, 0.0), 2.0), ((-900.0, 900.0, 0.0), 0.5)],
)
def test_chances_sum_to_one(confidence: tuple[float, ...], temperature: float) -> None:
    chances = softmax(confidence, temperature)
    assert abs(sum(chances) - 1) < 1e-12
    assert sorted(range(3), key=chances.__getitem__) == sorted(range(3), key=confidence.__getitem__)


def test_the_environment_changes_nothing() -> None:
    code = (
        "from routing.classifier import Classifier; import sys; r = Classifier.load();"
        "texts = ('plan a trip', 'Warum?', '写一首诗', 'fix this: x=1');"
        "print([sorted(r.decide(text).scores.items()) for text in texts],"
        " 'numpy' in sys.modules)"
    )
    said = set()
    for seed, language in (("0", "C"), ("1", "de_DE.UTF-8"), ("77", "tr_TR.UTF-8")):
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "LC_ALL": language,
            "LANG": language,
            "TZ": "Asia/Tokyo",
        }
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            env=environment | {"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(done.stdout)
    assert len(said) == 1
    assert said.pop().strip().endswith("False")


def test_sure_means_that_nobody_else_is_asked() -> None:
    sure = ROUTER.decide("Write a Python function that sorts a list of dictionaries by a key.")
    assert (sure.is_sure, sure.tier) == (True, "local")
    head = ROUTER.weights.label
    decisions = [ROUTER.decide(f"{one} {two}") for one in NONSENSE for two in NONSENSE]
    assert {decision.tier for decision in decisions} >= {"abstained"}
    for decision in decisions:
        enough = decision.confidence >= head.thresholds[head.names.index(decision.label)]
        assert decision.is_sure == enough == (decision.tier == "local")
