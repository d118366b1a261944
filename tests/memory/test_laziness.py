"""Nothing heavy is imported before memory is used, and what is missing is told with the command."""

import subprocess
import sys
import textwrap

import pytest


@pytest.mark.parametrize("module", ["memory", "memory.records", "memory.scoring", "memory.sql"])
def test_importing_memory_loads_no_database(module: str) -> None:
    code = f"import sys, {module}; print([n for n in ('sqlalchemy', 'numpy', 'alembic') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_words_are_searched_without_numpy_and_vectors_ask_for_it() -> None:
    code = """
        import asyncio, sys
        sys.modules["numpy"] = None
        from memory import MemoryStoreError
        from memory.records import Query, Record
        from memory.sql import open_memory

        async def main():
            memory = open_memory(":memory:")
            tea = Record(kind="fact", text="tea")
            await memory.store("anna", [tea])
            await memory.set_vectors("anna", "m", {tea.id: [1.0]})
            print(len(await memory.search("anna", Query(text="tea"))))
            try:
                await memory.search("anna", Query(text="tea", vector=(1.0,), vector_model="m"))
            except MemoryStoreError as error:
                print(error)
            await memory.aclose()

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines() == [
        "1",
        (
            "Comparing vectors needs a package that is missing (numpy): run `pip install "
            "'duograph[vectors]'`, or ask without a vector."
        ),
    ], done.stderr
