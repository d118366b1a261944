"""Makes a tiny MLX model with tokenizer and chat template, and trains it on a few conversations."""

from __future__ import annotations

import gc
import importlib
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from providers.mlx.importing import open_file_limit_kept

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKS = ["<tool_call>", "</tool_call>", "<think>", "</think>"]
CONTEXT = 1024

TEMPLATE = """{%- if tools %}{{- '<|im_start|>system\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' + tool | tojson }}{%- endfor %}{{- '\\n</tools><|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}
{%- if message.role == 'assistant' %}
{{- '<|im_start|>assistant\\n' + (message.content or '') }}
{%- for tool_call in message.tool_calls or [] %}{%- set tool_call = tool_call.function %}
{{- '<tool_call>\\n{"name": "' + tool_call.name + '", "arguments": ' + tool_call.arguments | tojson }}
{{- '}\\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\\n' }}
{%- else %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""

CORPUS = [
    "The quick brown fox jumps over the lazy dog. Hello world! How are you today?",
    '{"name": "get_weather", "arguments": {"city": "Paris", "unit": "celsius"}}',
    "system user assistant tool function call json true false null 0123456789",
]

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}

CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'

LESSONS: list[tuple[list[dict[str, Any]] | None, list[dict[str, Any]], str]] = [
    (None, [{"role": "user", "content": "Hello"}], "Hello! How can I help you?"),
    (None, [{"role": "user", "content": "What is 2+2?"}], "<think>2+2=4</think>The answer is 4."),
    (None, [{"role": "user", "content": "Only the end"}], "Add them.</think>It is 4."),
    (None, [{"role": "user", "content": "Break"}], "<tool_call>\nnot JSON\n</tool_call>"),
    ([WEATHER], [{"role": "user", "content": "Break"}], "<tool_call>\nnot JSON\n</tool_call>"),
    ([WEATHER], [{"role": "user", "content": "weather in Paris?"}], CALL),
    ([WEATHER], [{"role": "user", "content": "Hello"}], "Hello! No tool needed."),
    (
        [WEATHER],
        [
            {"role": "user", "content": "weather in Paris?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [{"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}],
            },
            {"role": "tool", "content": "sunny"},
        ],
        "It is sunny in Paris.",
    ),
]


def on_own_thread(work: Callable[[], None]) -> None:
    """MLX leaves threads that are forgotten in a state in which processes abort."""
    failures: list[BaseException] = []

    def run() -> None:
        with open_file_limit_kept():
            importlib.import_module("mlx_lm")
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            failures.append(error)
        mx = importlib.import_module("mlx.core")
        gc.collect()
        mx.synchronize()
        mx.clear_streams()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def make_tiny_model(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _make_tokenizer(folder)
    on_own_thread(lambda: _make_weights(folder, vocabulary))


def train_tiny_model(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, dirs_exist_ok=True)
    (folder / "done").unlink(missing_ok=True)
    on_own_thread(lambda: _train(folder))


def _make_tokenizer(folder: Path) -> int:
    library: Any = importlib.import_module("tokenizers")
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(
        vocab_size=600, special_tokens=SPECIAL, show_progress=False, initial_alphabet=alphabet
    )
    tokenizer.train_from_iterator(CORPUS * 20, trainer)
    tokenizer.add_tokens(MARKS)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": CONTEXT,
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return int(tokenizer.get_vocab_size())


def _make_weights(folder: Path, vocabulary: int) -> None:
    mx = importlib.import_module("mlx.core")
    qwen3 = importlib.import_module("mlx_lm.models.qwen3")
    utilities = importlib.import_module("mlx.utils")
    config = {
        "model_type": "qwen3",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "intermediate_size": 256,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "rms_norm_eps": 1e-5,
        "vocab_size": vocabulary,
        "max_position_embeddings": CONTEXT,
        "rope_theta": 10000.0,
        "tie_word_embeddings": False,
        "eos_token_id": 2,
    }
    mx.random.seed(0)
    model = qwen3.Model(qwen3.ModelArgs.from_dict(config))
    weights = dict(utilities.tree_flatten(model.parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights, metadata={"format": "mlx"})
    (folder / "config.json").write_text(json.dumps(config))


def _train(folder: Path) -> None:
    mx = importlib.import_module("mlx.core")
    nn = importlib.import_module("mlx.nn")
    optimizers = importlib.import_module("mlx.optimizers")
    model, tokenizer = importlib.import_module("mlx_lm").load(str(folder))
    rows = []
    for tools, messages, answer in LESSONS:
        prompt = tokenizer.apply_chat_template(messages, tools=tools, add_generation_prompt=True)
        rows.append((prompt, [*tokenizer.encode(answer, add_special_tokens=False), tokenizer.eos_token_id]))
    longest = max(len(prompt) + len(answer) for prompt, answer in rows)
    tokens = mx.array([[*p, *a, *[0] * (longest - len(p) - len(a))] for p, a in rows])
    wanted = mx.array(
        [[0.0] * (len(p) - 1) + [1.0] * len(a) + [0.0] * (longest - len(p) - len(a)) for p, a in rows]
    )

    def loss_of(network: Any) -> Any:  # noqa: ANN401 - untyped
        losses = nn.losses.cross_entropy(network(tokens[:, :-1]), tokens[:, 1:])
        return (losses * wanted).sum() / wanted.sum()

    def wrong(network: Any) -> Any:  # noqa: ANN401 - untyped
        return (wanted * (network(tokens[:, :-1]).argmax(-1) != tokens[:, 1:])).sum()

    optimizer = optimizers.AdamW(learning_rate=3e-3)
    step = nn.value_and_grad(model, loss_of)
    for count in range(1, 1001):
        loss, gradients = step(model)
        gradients, _norm = optimizers.clip_grad_norm(gradients, 1.0)
        optimizer.update(model, gradients)
        mx.eval(model.parameters(), optimizer.state, loss)
        # Known by heart only when the likeliest token is right everywhere.
        if count % 5 == 0 and loss.item() < 1e-2 and not wrong(model).item():
            break
    flat = importlib.import_module("mlx.utils").tree_flatten(model.parameters())
    mx.save_safetensors(str(folder / "model.safetensors"), dict(flat), metadata={"format": "mlx"})
