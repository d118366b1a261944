"""Compare the local router with the keyword list before it and with TF-IDF, on labelled prompts.

python -m benchmarks.routing FILE… [--minilm FOLDER] [--json]
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.routing import keywords
from benchmarks.routing.data import DATA, Example, composed, read, training, varied
from benchmarks.routing.metrics import Guess, Score, score
from benchmarks.routing.tfidf import TfIdf
from routing.classifier import Classifier, Router
from routing.minilm import ExtraMissingError
from routing.tensors import ModelFolderError

ACCURACY: Final = 0.80
MEDIAN_MS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Side:
    """One router on one source.

    Attributes:
        router: Its name.
        source: The file's name, or `all`.
        score: How often it is right.
        median_ms: Of one decision, in milliseconds.
        p95_ms: The same, of the slowest twentieth.
    """

    router: str
    source: str
    score: Score
    median_ms: float
    p95_ms: float


def judge(name: str, guess: Callable[[Example], Guess], examples: Sequence[Example]) -> list[Side]:
    """One router on all examples, in total and by source.

    Args:
        name: Of the router.
        guess: What it makes of an example.
        examples: Labelled prompts.
    """
    guesses, times = [], []
    guess(examples[0])  # what is read lazily is read before the clock runs
    for example in examples:
        start = time.perf_counter()
        guesses.append(guess(example))
        times.append((time.perf_counter() - start) * 1000)
    found = []
    for source in ["all", *sorted({example.source for example in examples})]:
        part = [n for n, example in enumerate(examples) if source in {"all", example.source}]
        took = sorted(times[n] for n in part)
        found.append(
            Side(
                name,
                source,
                score([guesses[n] for n in part]),
                statistics.median(took),
                took[int(0.95 * (len(took) - 1))],
            )
        )
    return found


def sides(examples: Sequence[Example], minilm: Path | None = None) -> list[Side]:
    """All routers on the same examples.

    Args:
        examples: Labelled prompts.
        minilm: A model's folder whose vectors another local router reads too.
    """
    classifier = Classifier.load()
    both = Classifier.load(minilm=minilm) if minilm else None
    tfidf = TfIdf([*varied(training()), *composed()])

    def by(router: Router, example: Example) -> Guess:
        decision = router.decide(example.text)
        return Guess(example.label, decision.label, decision.confidence, decision.is_sure)

    def usual(example: Example) -> Guess:
        return Guess(example.label, *tfidf.decide(example.text))

    def listed(example: Example) -> Guess:
        return Guess(example.label, keywords.decide(example.text))

    return [
        *judge("keyword list", listed, examples),
        *judge("TF-IDF + LR", usual, examples),
        *judge("local", partial(by, classifier), examples),
        *(judge("local+MiniLM", partial(by, both), examples) if both else ()),
    ]


_COLUMNS: Final = ("prompts", "acc", "F1", "cov@90", "ECE", "sure", "there", "ms", "p95")


def show(found: Sequence[Side]) -> None:
    """Print a table.

    Args:
        found: Its rows.
    """
    print(f"{'source':26} {'router':13}" + "".join(f"{name:>8}" for name in _COLUMNS))
    for side in sorted(found, key=lambda side: side.source):
        one = side.score
        shares = (
            one.accuracy,
            one.macro_f1,
            one.coverage,
            one.calibration_error,
            one.kept,
            one.kept_accuracy,
        )
        figures = "".join("       -" if share is None else f"{share:8.3f}" for share in shares)
        times = f"{side.median_ms:8.2f}{side.p95_ms:8.2f}"
        print(f"{side.source:26} {side.router:13}{one.count:8}{figures}{times}")


def main() -> int:
    """Print the comparison; 1 when a target is missed, 2 when there is nothing to compare on."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="*", type=Path, help="JSON lines with text and label; data/test*.jsonl"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--minilm", type=Path, metavar="FOLDER", help="compare with a MiniLM's vectors too")
    options = parser.parse_args()
    files = options.files or sorted(DATA.glob("test*.jsonl"))
    try:
        examples = read(files)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if not examples:
        print(
            f"There are no prompts to compare on: name a file, or put one at {DATA.name}/test_NAME.jsonl.",
            file=sys.stderr,
        )
        return 2
    try:
        found = sides(examples, options.minilm)
    except (ModelFolderError, ExtraMissingError) as error:
        print(error, file=sys.stderr)
        return 2
    ours = next(side for side in found if (side.router, side.source) == ("local", "all"))
    if options.json:
        print(json.dumps([asdict(side) for side in found]))
    else:
        show(found)
        print(f"accuracy {ours.score.accuracy:.3f}, target {ACCURACY} or more")
        print(f"median {ours.median_ms:.2f} ms, target {MEDIAN_MS} or less")
    return int(ours.score.accuracy < ACCURACY or ours.median_ms > MEDIAN_MS)


if __name__ == "__main__":
    sys.exit(main())
