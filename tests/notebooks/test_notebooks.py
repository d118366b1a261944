"""Each notebook runs top to bottom: its cells here, and with the slow tests in a real kernel."""

import ast
import inspect
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


PRINTED = {
    "01_quickstart": ("done · verified · ", "2 turns"),
    "02_memory": (
        "Remembered: «my birthday is July 25»",
        "told by the user:\n  my birthday is July 25",
        "held  · my birthday is July 25\nholds · my birthday is July 26",
        "done · verified\nall learned: True",
        "insight  The user said: I always use type hints.",
        "1.00 chunk    deploys.md",
        "chunk deploys.md:1-3 1.0",
        "from offline · proof: verified",
        "16 nodes, 19 edges",
        "0 chunks left",
    ),
}
DRAWN = {
    "01_quickstart": (),
    "02_memory": (
        ":::fact",
        ":::replaced",
        ":::insight",
        ":::episode",
        ":::chunk",
        '{{"Ana"}}',
        '>"offline"]',
    ),
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
async def test_its_cells_run_one_after_another(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    names = {"__name__": "__main__"}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            code = compile(cell.source, path.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            value = eval(code, names)  # noqa: S307  # our own cells
            if inspect.isawaitable(value):
                await value
    printed = capsys.readouterr().out
    assert [text for text in PRINTED[path.stem] if text not in printed] == []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_runs_top_to_bottom(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": tmp_path}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.get("text", "") for output in outputs)
    assert [text for text in PRINTED[path.stem] if text not in printed] == []
    drawn = [output.get("data", {}).get("text/markdown", "") for output in outputs]
    drawing = "".join(text for text in drawn if text.startswith("```mermaid"))
    assert drawing
    assert [text for text in DRAWN[path.stem] if text not in drawing] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebook_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
