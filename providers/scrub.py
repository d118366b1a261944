"""Takes secrets out of texts that a person or a log will see."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote as percent_encoded

HIDDEN = "[hidden]"

_SHAPES = (
    # Credentials inside a URL, whatever their form; with bounds, because a text may be a million letters.
    (re.compile(r"(?i)([a-z][a-z0-9+.-]{0,30}://)[^\s@]{0,500}@"), rf"\1{HIDDEN}@"),
    (re.compile(r"(?i)\b(bearer|basic)\s+(?!\[hidden])[\w.~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (
        re.compile(r"(?i)((?:api[_-]?key|x-api-key|access[_-]?token|token|secret|password)[\"']?\s*[=:]\s*b?[\"']?)"
                   r"(?!\[hidden])[^\s\"',;&}]{4,}"),
        rf"\1{HIDDEN}",
    ),
    # Keys as OpenAI, Anthropic, Groq, Hugging Face, xAI, GitHub, Perplexity, Cerebras, Fireworks, Together,
    # Google, AWS, Bedrock and, with a JSON web token, MiniMax hand them out.
    (re.compile(r"\b(?:sk|gsk|hf|xai|ghp|pplx|nvapi|csk|fw|tgp)[-_][\w*.-]{6,}"), HIDDEN),
    (re.compile(r"\bAIza[\w-]{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bABSK[\w+/=-]{12,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), HIDDEN),
)  # fmt: skip

# As a whole word, and with a digit in it: `hf-internal-testing` is a name, `hf_a1…` is a key.
_KEY = re.compile(
    r"(?=.*\d)(?:sk-|gsk_|hf_|xai-|ghp_|pplx-|nvapi-|csk-|fw_|tgp_|AIza|AKIA|ASIA|ABSK)[\w*.+=-]{10,}"
)

# In files most of the shapes above would spoil prose and code: `basic concepts`, `token = next(tokens)`.
# These are long, or a quoted value, and lie on one line.
_SHAPES_IN_FILES = (
    (
        re.compile(r"\b(?:sk-|gsk_|hf_|xai-|ghp_|github_pat_|pplx-|nvapi-|csk-|fw_|tgp_)(?=[\w-]{0,200}\d)[\w-]{20,}"),
        HIDDEN,
    ),
    (re.compile(r"\bAIza[\w-]{30,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bABSK[\w+/=-]{30,}"), HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"), HIDDEN),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,30}://)[^\s/@:\"']{1,100}:[^\s/@\"']{1,200}@"), rf"\1{HIDDEN}@"),
    (
        re.compile(r"(?i)((?:api[_-]?key|access[_-]?token|auth[_-]?token|secret(?:[_-]?key)?|password|passwd)"
                   r"[\"']?[ \t]{0,20}[=:][ \t]{0,20}([\"']))[^\s\"']{8,500}\2"),
        rf"\1{HIDDEN}\2",
    ),
)  # fmt: skip

_SHORTEST_SECRET = 4

# What environment variables with secrets are called: ANTHROPIC_API_KEY, AWS_SESSION_TOKEN, DB_PASSWORD.
_SECRET_NAME = re.compile(r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD)(?:_|$)", re.IGNORECASE)
_SHORTEST_OF_ENVIRONMENT = 8


def environment_secrets(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield the values that the environment gives this process as secrets, known by their variables' names.

    Left out are paths and values under 8 characters, which are more likely switches than secrets.
    """
    for name, value in list(environment.items()):
        secret = value.strip()
        is_long = len(secret) >= _SHORTEST_OF_ENVIRONMENT and not secret.startswith(("/", "~"))
        if is_long and _SECRET_NAME.search(name):
            yield secret


def scrub(text: str, secrets: Iterable[str] = ()) -> str:
    """Replace by `[hidden]` the given secrets, those of the environment, and all that looks like a key.

    Args:
        text: Any text, such as a server's error message.
        secrets: Values that are known to be secret; ones under 4 characters are left alone.

    Returns:
        The text without them.
    """
    # The longest first: one may be the beginning of another.
    for secret in sorted({*secrets, *environment_secrets()}, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, HIDDEN).replace(percent_encoded(secret, safe=""), HIDDEN)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def hide_credentials(text: str) -> str:
    """Replace by `[hidden]` what can hardly be anything but a credential, in the text of a file.

    It takes less than `scrub` does, so that prose and code stay readable: keys of the known kinds, passwords
    in addresses, quoted values of names such as `api_key`, and the secrets of this process's environment.

    Returns:
        The text, with as many lines as before.
    """
    for secret in sorted(environment_secrets(), key=len, reverse=True):
        if "\n" not in secret:
            text = text.replace(secret, HIDDEN)
    for shape, replacement in _SHAPES_IN_FILES:
        text = shape.sub(replacement, text)
    return text


def looks_like_key(word: str) -> bool:
    """Tell whether somebody wrote a key where a name belongs."""
    return _KEY.fullmatch(word) is not None


def quote(value: str, secrets: Iterable[str] = (), *, longest: int = 120) -> str:
    """Show a user's value inside a message: quoted, on one line, clipped, without secrets."""
    shown = repr(scrub(value, secrets))
    return shown if len(shown) <= longest else f"{shown[: longest - 4]}...{shown[-1]}"


def one_line(text: str, secrets: Iterable[str] = (), *, longest: int = 200) -> str:
    """Bring a foreign text into a message: one line, clipped, without secrets."""
    line = " ".join(scrub(text, secrets).split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."
