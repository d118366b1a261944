"""Nothing heavy is imported before the first call, and what is missing is told with the command."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from importlib.machinery import ModuleSpec

import pytest

from providers import ModelConfigError, RoleModels

HEAVY = (
    "openai",
    "anthropic",
    "boto3",
    "botocore",
    "langchain_openai",
    "langchain_anthropic",
    "langchain_aws",
)

CHAINS = {
    "openai:m": ("langchain_openai", "langchain-openai", "openai"),
    "groq:m": ("langchain_openai", "langchain-openai", "openai"),
    "anthropic:m": ("langchain_anthropic", "langchain-anthropic", "anthropic"),
    "bedrock:m@us-east-1": ("langchain_aws", "langchain-aws", "bedrock"),
}


def test_making_every_backend_ready_imports_none_of_their_packages() -> None:
    code = f"""
import json, sys
from pydantic import SecretStr
from providers import RoleModels
from providers.registry import PROVIDERS
names = [name for name, row in PROVIDERS.items() if row.key_variable]
keys = {{name: SecretStr("k") for name in names}}
for name in names:
    place = "@us-east-1" if name == "bedrock" else ""
    RoleModels({{"coding": f"{{name}}:m{{place}}"}}, api_keys=keys).describe("coding")
print(json.dumps([len(names), [name for name in {HEAVY} if name in sys.modules]]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    count, loaded = json.loads(done.stdout or "[0, null]")
    assert loaded == [], done.stderr
    assert count >= 18


@pytest.mark.parametrize("chain", CHAINS)
def test_a_missing_package_is_one_sentence_with_the_command(
    chain: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, package, extra = CHAINS[chain]
    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == module else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    wanted = rf"needs the package {package}; run: pip install 'duograph\[{extra}\]'"
    with pytest.raises(ModelConfigError, match=wanted):
        RoleModels({"coding": chain})
