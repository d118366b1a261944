"""A MiniLM's vectors in a decision: heads are trained, used, kept, and refused where they do not fit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.routing.data import Example, training
from benchmarks.routing.train_minilm import build
from nodes.cascade import Cascade
from nodes.classify import look
from nodes.context import Context
from routing.classifier import Classifier
from routing.labels import LABELS, SUBJECTS
from routing.meaning import FILE, OWN_FILE, Meaning, MeaningHeads, load_heads, save_heads
from routing.minilm import MiniLM
from routing.tensors import ModelFolderError
from routing.view import view
from routing.weights import WeightsError, checksum, load
from tests.minilm import TEXT, tiny_folder, with_heads

ROOT = Path(__file__).resolve().parents[2]
SAID = "explain how tides work"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.mktemp("models") / "tiny")


def few() -> list[Example]:
    """Prompts of each label and of several registers."""
    found = []
    for label in LABELS:
        found += [example for example in training() if example.label == label][::60][:9]
    return found


@pytest.fixture(scope="module")
def heads(folder: Path) -> MeaningHeads:
    return build(few(), folder, load())[0]


def test_heads_are_learned_for_one_model_and_count(folder: Path, heads: MeaningHeads, tmp_path: Path) -> None:
    assert (heads.label.names, heads.subject.names) == (LABELS, SUBJECTS)
    assert heads.model == MiniLM(folder).fingerprint
    assert heads.beside == checksum(load())
    save_heads(heads, tmp_path / "heads.bin")
    assert load_heads(tmp_path / "heads.bin") == heads
    words = Classifier.load()
    both = Classifier(load(), Meaning(MiniLM(folder), heads))
    one, two = words.decide(SAID), both.decide(SAID)
    assert one.scores != two.scores
    assert sum(two.scores.values()) == pytest.approx(1)
    enough = heads.label.thresholds[LABELS.index(two.label)]
    assert two.is_sure == (two.confidence >= enough)
    assert both.decide(SAID) == two


def test_what_the_vectors_say_is_added_to_what_the_words_say(tmp_path: Path) -> None:
    assert Classifier.load().decide(SAID).label == "explanation"
    made = with_heads(tiny_folder(tmp_path / "model"), "planning")
    both = Classifier.load(minilm=made)
    decision = both.decide(SAID)
    assert (decision.label, decision.tier) == ("planning", "local")
    assert decision.subject == Classifier.load().decide(SAID).subject
    for text in ("", "remember that I use tabs", "🙂"):
        assert both.decide(text) == Classifier.load().decide(text)
    for text in ("x" * 1_000_000, "\ud800 why", TEXT, f"{TEXT}. " * 90):
        assert both.decide(text) == both.decide(text)


async def test_the_cascade_takes_its_word(tmp_path: Path) -> None:
    made = with_heads(tiny_folder(tmp_path / "model"), "problem_solving")
    decision, calls = await Cascade(Classifier.load(minilm=made)).decide(look(SAID, Context(), [])[2])
    assert (decision.task, decision.tier, calls) == ("problem_solving", "classifier", [])
    assert decision.ms is not None
    assert decision.ms > 0


def test_heads_of_another_model_are_refused_with_the_way_to_train(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError) as error:
        Classifier.load(minilm=folder)
    said = str(error.value)
    assert MiniLM(folder).fingerprint[:12] in said
    assert load_heads().model[:12] in said
    assert f"python -m benchmarks.routing.train --minilm {folder} --heads {folder / OWN_FILE}" in said
    other = tiny_folder(tmp_path / "other", seed=6)
    with_heads(other, "planning")
    tiny_folder(other, seed=7)
    with pytest.raises(ModelFolderError, match="another model"):
        Meaning.open(other)


def test_damaged_heads_are_told(tmp_path: Path) -> None:
    made = with_heads(tiny_folder(tmp_path / "model"), "planning")
    (made / OWN_FILE).write_bytes(b"{}\n")
    with pytest.raises(WeightsError, match=OWN_FILE):
        Classifier.load(minilm=made)


def test_the_heads_that_ship_are_small_and_fit_the_weights_that_ship() -> None:
    heads = load_heads()
    assert FILE.stat().st_size < 20_000
    assert (heads.label.names, heads.subject.names) == (LABELS, SUBJECTS)
    assert {len(column) for column in (*heads.label.columns, *heads.subject.columns)} == {385}
    assert heads.beside == checksum(load()), (
        "routing/weights.bin was learned anew: run python -m benchmarks.routing.train --minilm FOLDER"
    )


def test_nothing_heavy_is_loaded_where_no_folder_is_given(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from routing.classifier import Classifier;"
        "Classifier.load().decide('plan a trip');"
        "print([name for name in ('numpy', 'tokenizers') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(ROOT)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_missing_package_is_named_with_its_extra(folder: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); sys.modules['tokenizers'] = None\n"
        "from graph.sorting import open_classifier\nfrom pathlib import Path\n"
        "try: open_classifier(Path(sys.argv[2]))\nexcept ValueError as error: print(error)"
    )
    command = [sys.executable, "-c", code, str(ROOT), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "needs tokenizers: install it with pip install 'duograph[minilm]'" in done.stdout, done.stderr


def test_the_middle_of_a_long_text_is_not_embedded(folder: Path, heads: MeaningHeads) -> None:
    meaning = Meaning(MiniLM(folder), heads)
    first, last = "explain how tides work. " * 20, "why is this so. " * 30
    one, two = (meaning.scores(view(f"{first}{middle}{last}")) for middle in ("", "Write code. " * 12))
    assert one == two
