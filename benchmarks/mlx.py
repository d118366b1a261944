"""What our MLX engine adds to mlx-lm's own generation: the same prompt and as many tokens, side by side.

Name a model that was pulled, or a folder. The smaller the model, the more our part weighs.
"""

import asyncio
import itertools
import sys
from collections.abc import Callable
from importlib import import_module

from benchmarks.measure import arguments, compare, show
from providers.mlx.files import find_model
from providers.mlx.importing import open_file_limit_kept
from providers.mlx.runner import MlxRunner
from providers.runners import RunnerChatModel

TOKENS = 200
_NUMBERS = {"type": "array", "items": {"type": "integer"}, "minItems": TOKENS}


def texts() -> Callable[[], str]:
    """A prompt for each repetition: the same for all sides, and never one that a cache has seen."""
    numbers = itertools.count()
    return lambda: f"{next(numbers)}: write the numbers from one to a thousand, each as a word, with commas."


def bare(model: str) -> Callable[[], object]:
    """mlx-lm's `stream_generate`, on this thread."""
    with open_file_limit_kept():
        library = import_module("mlx_lm")
    prompts = texts()
    network, tokenizer = library.load(str(find_model(model).folder))

    def run() -> None:
        message = {"role": "user", "content": prompts()}
        prompt = tokenizer.apply_chat_template([message], add_generation_prompt=True)
        for _ in library.stream_generate(network, tokenizer, prompt, max_tokens=TOKENS):
            pass

    return run


def main() -> None:
    """Compare and print."""
    model = sys.argv.pop(1) if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ""
    options = arguments("Generation with MLX: benchmarks/mlx.py MODEL", repeat=20)
    if not model:
        sys.exit("Name a model: benchmarks/mlx.py MODEL")
    chat = RunnerChatModel(runner=MlxRunner(), model=model, provider="mlx")

    async def stream(prompt: str, schema: dict[str, object] | None) -> None:
        async for _ in chat.astream(prompt, max_tokens=TOKENS, temperature=0, json_schema=schema):
            pass

    plain, held = texts(), texts()

    with asyncio.Runner() as runner:
        rows = compare(
            {
                f"mlx_lm.stream_generate, up to {TOKENS} tokens": bare(model),
                "ours, streamed through LangChain": lambda: runner.run(stream(plain(), None)),
                "ours, held to a JSON schema": lambda: runner.run(stream(held(), _NUMBERS)),
            },
            repeat=options.repeat,
        )
        runner.run(chat.runner.cleanup())
    show(rows, as_json=options.json)


if __name__ == "__main__":
    main()
