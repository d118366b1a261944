"""The routing benchmark: its prompts are well formed, its figures right, its training repeatable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.routing import keywords
from benchmarks.routing.data import Example, composed, read, training, varied
from benchmarks.routing.metrics import Guess, calibration_error, coverage, macro_f1, score
from benchmarks.routing.tfidf import TfIdf
from benchmarks.routing.train import build
from routing.labels import LABELS
from routing.weights import FILE, load, save

ROOT = Path(__file__).resolve().parents[2]


def test_the_training_set_is_large_varied_and_of_one_mind() -> None:
    examples = training()
    assert len(examples) >= 3000
    assert min(Counter(example.label for example in examples).values()) >= 200
    assert all((example.subject is not None) == (example.label == "explanation") for example in examples)
    labels: dict[str, set[str]] = {}
    for example in examples:
        labels.setdefault(example.text.lower().strip(" .?!"), set()).add(example.label)
    assert [text for text, found in labels.items() if len(found) > 1] == []


def test_variations_and_frames_are_the_same_every_time() -> None:
    examples = training()[:200]
    assert varied(examples) == varied(examples)
    assert composed() == composed()
    assert not any("{" in example.text for example in composed())


def test_a_line_that_is_wrong_is_named(tmp_path: Path) -> None:
    file = tmp_path / "train_x.jsonl"
    for line, said in (
        ("{}", "'text'"),
        ("[", "Expecting"),
        ('{"text": "a", "label": "b"}', "label 'b' is unknown"),
        ('{"text": "a", "label": "explanation", "subject": "b"}', "subject 'b' is unknown"),
    ):
        file.write_text(f'{{"text": "a", "label": "general"}}\n{line}\n', encoding="utf-8")
        with pytest.raises(ValueError, match=r"train_x\.jsonl:2: ") as error:
            read([file])
        assert said in str(error.value)


def test_figures_are_what_they_are_called() -> None:
    guesses = [
        Guess("a", "a", 0.9),
        Guess("a", "b", 0.6),
        Guess("b", "b", 0.8, sure=False),
        Guess("b", "b", 0.7),
    ]
    figures = score(guesses)
    assert (figures.count, figures.accuracy, figures.kept) == (4, 0.75, 0.75)
    assert figures.kept_accuracy == pytest.approx(2 / 3)
    assert macro_f1(guesses) == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert figures.coverage == 0.75
    assert coverage([(0.9, False), (0.1, True)]) == 0
    assert coverage([(0.5, True), (0.5, False)]) == 0
    assert calibration_error([(1.0, True), (1.0, True)]) == 0
    assert calibration_error([(0.75, True), (0.75, False)]) == pytest.approx(0.25)


def test_the_keyword_list_is_the_one_that_was() -> None:
    assert keywords.decide("Explain how a hash table works") == "explanation"
    assert keywords.decide("remember that I like tea") == "knowledge_store"
    assert keywords.decide("what is my name?") == "knowledge_retrieve"


def few(count: int) -> list[Example]:
    """Some prompts of each label and of several registers."""
    found = []
    for label in LABELS:
        found += [example for example in training() if example.label == label][:: max(1, 400 // count)][
            :count
        ]
    return found


def test_training_twice_gives_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        save(build(few(12))[0], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_the_baseline_learns() -> None:
    baseline = TfIdf(few(30))
    assert baseline.decide("Write a Python function that sorts a list.")[0] == "code_generation"


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("EVERY_PAIR"), reason="takes minutes; EVERY_PAIR=1 runs it")
def test_the_weights_that_ship_are_those_that_the_training_set_gives() -> None:
    weights, guesses, _ = build([*varied(training()), *composed()])
    shipped = load(FILE)
    assert weights.label.columns == shipped.label.columns
    assert weights.subject.columns == shipped.subject.columns
    assert score(guesses).accuracy > 0.8


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("EVERY_PAIR"), reason="fits the peers anew; EVERY_PAIR=1 runs it")
def test_the_benchmark_compares_on_a_file(tmp_path: Path) -> None:
    file = tmp_path / "test_own.jsonl"
    rows = [
        {"text": "Plan a trip to Malta", "label": "planning"},
        {"text": "Explain tides", "label": "explanation"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.routing", str(file), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    sides = json.loads(done.stdout)
    assert {side["router"] for side in sides} == {"local", "keyword list", "TF-IDF + LR"}
    assert {side["source"] for side in sides} == {"all", "test_own"}


def test_the_benchmark_says_what_is_missing(tmp_path: Path) -> None:
    empty, one = tmp_path / "empty.jsonl", tmp_path / "one.jsonl"
    empty.touch()
    one.write_text('{"text": "Plan a trip to Malta", "label": "planning"}\n', encoding="utf-8")
    for words, said in (
        ((str(empty),), "no prompts"),
        ((str(tmp_path / "none.jsonl"),), "none.jsonl"),
        ((str(one), "--minilm", str(tmp_path)), "config.json is missing"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.routing", *words],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 2
        assert said in done.stderr
