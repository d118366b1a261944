import json
import zlib
from pathlib import Path

import pytest

from routing.classifier import Classifier
from routing.features import PLACES
from routing.labels import LABELS, SUBJECTS
from routing.weights import FILE, WeightsError, load, save


def test_the_weights_that_ship_are_small_and_fit() -> None:
    weights = load()
    assert FILE.stat().st_size < 1_000_000
    assert weights.label.names == LABELS
    assert weights.subject.names == SUBJECTS
    assert {len(column) for head in (weights.label, weights.subject) for column in head.columns} == {PLACES}
    assert all(0 < threshold <= 1 for threshold in weights.label.thresholds)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    save(load(), tmp_path / "weights.bin")
    assert load(tmp_path / "weights.bin") == load()
    assert Classifier.load(tmp_path / "weights.bin").decide("plan a trip") == Classifier.load().decide(
        "plan a trip"
    )


def test_damage_is_told(tmp_path: Path) -> None:
    line, packed = FILE.read_bytes().split(b"\n", 1)
    about = json.loads(line)
    body = bytearray(zlib.decompress(packed))
    body[1000] ^= 1
    damaged = {
        "match their checksum": line + b"\n" + zlib.compress(bytes(body)),
        "checksum": line + b"\n" + packed[:500],
        "format 'other'": json.dumps(about | {"format": "other"}).encode() + b"\n" + packed,
        "(error)": line + b"\n" + b"no numbers",
        "(ValueError)": b"",
        "(KeyError)": b"{}\n" + packed,
        "(TypeError)": b"[]\n" + packed,
    }
    for said, content in damaged.items():
        path = tmp_path / "weights.bin"
        path.write_bytes(content)
        with pytest.raises(WeightsError) as error:
            load(path)
        assert said in str(error.value)
    with pytest.raises(WeightsError, match="FileNotFoundError"):
        load(tmp_path / "none.bin")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    line = FILE.read_bytes().split(b"\n", 1)[0]
    path = tmp_path / "weights.bin"
    path.write_bytes(line + b"\n" + zlib.compress(bytes(200_000_000)))
    with pytest.raises(WeightsError, match="checksum"):
        load(path)
