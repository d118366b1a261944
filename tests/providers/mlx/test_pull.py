import errno
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from providers.mlx.files import find_model
from providers.mlx.hub import NoSpaceError, Plan, PullError, make_plan
from providers.mlx.pull import pull
from tests.providers.mlx.fake_hub import FakeHub, Repository

MODEL = "some-org/tiny-4bit"
TOKEN = "hf_canary0123456789"  # noqa: S105 - a canary


@pytest.fixture(autouse=True)
def _at_the_fake_hub(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client reads its environment when it is imported, which other tests may have done."""
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 64 * 1024)
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.fixture
def model(hub: FakeHub, fake_files: dict[str, bytes]) -> str:
    hub.models[MODEL] = Repository(fake_files)
    return MODEL


def quiet(_plan: Plan, _done: int) -> None:
    """Watch nothing."""


def stop_at(limit: int) -> Callable[[Plan, int], None]:
    """What Ctrl-C does: something is raised while bytes come."""

    def progress(_plan: Plan, done: int) -> None:
        if done >= limit:
            raise KeyboardInterrupt

    return progress


def downloads(hub: FakeHub) -> list[tuple[str, str]]:
    return [
        (path.rpartition("/")[2], ranges)
        for verb, path, ranges in hub.requests
        if verb == "GET" and "resolve" in path
    ]


def test_a_pulled_model_is_found_by_its_id_without_the_network(hub: FakeHub, model: str) -> None:
    folder = pull(f"mlx:{model}", quiet)
    hub.requests.clear()
    found = find_model(model)
    assert found.folder == folder
    assert found.context_tokens == 4096
    assert hub.requests == []


def test_nothing_comes_but_what_a_model_needs(model: str) -> None:
    folder = pull(model, quiet)
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]


def test_progress_goes_from_what_is_there_to_all_of_it(model: str) -> None:
    seen: list[int] = []
    pull(model, lambda _plan, done: seen.append(done))
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert seen[-1] == make_plan(model).total_bytes


def test_a_stopped_pull_goes_on_where_it_was(hub: FakeHub, model: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        pull(model, stop_at(300_000))
    there = make_plan(model)
    kept = there.total_bytes - there.missing_bytes()
    assert kept > 0
    hub.requests.clear()
    pull(model, quiet)
    (weights,) = [ranges for name, ranges in downloads(hub) if name == "model.safetensors"]
    assert int(weights.removeprefix("bytes=").rstrip("-")) >= 64 * 1024
    assert find_model(model).weight_bytes == 256 * 4000


@pytest.mark.slow
def test_a_connection_that_is_cut_goes_on_by_itself(hub: FakeHub, model: str) -> None:
    hub.fault, hub.cut_at = "cut", 200_000
    pull(model, quiet)
    assert [bool(ranges) for name, ranges in downloads(hub) if name == "model.safetensors"] == [False, True]


def test_a_second_pull_fetches_nothing(hub: FakeHub, model: str) -> None:
    pull(model, quiet)
    hub.requests.clear()
    pull(model, quiet)
    assert downloads(hub) == []


def test_what_does_not_match_its_hash_is_thrown_away(hub: FakeHub, model: str) -> None:
    hub.fault = "lies"
    with pytest.raises(PullError, match=r"model\.safetensors of .* is not what the hub promised"):
        pull(model, quiet)
    hub.fault = ""
    pull(model, quiet)
    assert find_model(model).weight_bytes == 256 * 4000


def test_a_disk_without_room_is_told_before_the_first_byte(hub: FakeHub, model: str) -> None:
    with pytest.raises(NoSpaceError, match=r"needs 1\.0 MB more, and 0\.0 MB are free in .*; make room"):
        pull(model, quiet, free=lambda _folder: 1000)
    assert downloads(hub) == []


def test_a_disk_that_fills_up_keeps_what_came(model: str) -> None:
    def full(_plan: Plan, done: int) -> None:
        if done > 300_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(NoSpaceError, match="is full; make room and run the command again, it goes on"):
        pull(model, full)
    there = make_plan(model)
    assert there.missing_bytes() < there.total_bytes


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("gated", "only to those who accepted its terms; accept them on its page, then set HF_TOKEN"),
        ("down", "The hub answered 501"),
    ],
)
def test_a_hub_that_refuses_is_a_sentence(hub: FakeHub, model: str, fault: str, sentence: str) -> None:
    hub.fault = fault
    with pytest.raises(PullError, match=sentence) as caught:
        pull(model, quiet)
    assert "\n" not in str(caught.value)
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in f"{caught.value!r} {caught.value.__context__!r}"


def test_an_unknown_model_is_a_sentence() -> None:
    with pytest.raises(PullError, match="no model 'no-org/no-model', or it is private"):
        pull("no-org/no-model", quiet)


def test_a_malformed_id_is_a_sentence() -> None:
    with pytest.raises(PullError, match="is no hub id"):
        pull("a/b/c", quiet)


def test_a_hub_that_is_not_there_is_a_sentence(hub: FakeHub, model: str) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(PullError, match="cannot be reached"):
        pull(model, quiet)


def test_what_is_no_mlx_model_is_refused(hub: FakeHub, model: str) -> None:
    hub.models[model].tags = ["gguf"]
    with pytest.raises(PullError, match="is no MLX model; look for it below mlx-community"):
        pull(model, quiet)


def test_a_model_without_weights_is_refused(hub: FakeHub, model: str) -> None:
    del hub.models[model].files["model.safetensors"]
    with pytest.raises(PullError, match=r"lacks config\.json or model\*\.safetensors"):
        pull(model, quiet)


def test_a_hash_that_is_a_path_is_refused(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.providers.mlx.fake_hub.blob", lambda _name, _content: "../../evil")
    with pytest.raises(PullError, match="gives no hash"):
        pull(model, quiet)


def test_two_pulls_at_once_do_not_write_into_each_other(model: str) -> None:
    def again(_plan: Plan, _done: int) -> None:
        with pytest.raises(PullError, match="is being pulled by another process"):
            pull(model, quiet)

    pull(model, again)


def test_an_index_whose_weights_are_missing_is_incomplete(model: str, fake_files: dict[str, bytes]) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    fake_files["model.safetensors.index.json"] = json.dumps(index).encode()
    with pytest.raises(ValueError, match=r"model-00002-of-00002\.safetensors is missing"):
        pull(model, quiet)


@pytest.mark.parametrize("place", ["", "in/side"])
def test_a_cache_that_cannot_be_is_a_sentence(
    model: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / place))
    with pytest.raises(
        PullError, match=r"file.* cannot be used \(Not a directory\); mend it, or set HF_HOME"
    ):
        pull(model, quiet)


@pytest.mark.parametrize("name", ["../../x.json", "/x.json", "sub/../../x.json", "..\\x.json", "a\nb.json"])
def test_a_file_that_would_lie_outside_is_refused_before_anything_is_fetched(
    hub: FakeHub, fake_files: dict[str, bytes], name: str
) -> None:
    hub.models[MODEL] = Repository({**fake_files, name: b"{}"})
    with pytest.raises(PullError, match="would lie outside its folder; choose another model"):
        pull(MODEL, quiet)
    assert downloads(hub) == []
