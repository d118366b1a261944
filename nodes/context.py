"""What a caller may choose for one run."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nodes.limits import MAX_REPAIRS, MAX_TOOL_CALLS, MAX_TOOL_ROUNDS, Consent
from routing.labels import Label
from sandbox.evidence import SourceFile

AUTH_USER: Final = "langgraph_auth_user_id"
"""Where LangGraph's server puts the identity that its authentication found; no client can set it."""

Task: TypeAlias = Label
Route = Literal["code", "answer", "review", "knowledge"]
ToolName = Annotated[str, Field(max_length=64)]
ArchiveName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]{0,63}$")]


def _studio(nodes: Sequence[str], kind: str | None = None) -> dict[str, Any]:
    """Hints that LangGraph Studio reads to draw its form."""
    return {"langgraph_nodes": list(nodes)} | ({"langgraph_type": kind} if kind else {})


class Context(BaseModel):
    """What a caller may choose for one run; LangGraph Studio shows it as a form."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_unset(cls, values: object) -> object:
        """A form sends an empty field as an empty text or as null; both mean that nothing was chosen."""
        if not isinstance(values, dict):
            return values
        return {name: value for name, value in values.items() if value is not None and value != ""}

    task: Task | None = Field(
        default=None,
        description="What kind of task this is; left empty, Duograph decides.",
        json_schema_extra=_studio(["classify"]),
    )
    tests: str = Field(
        default="",
        description="Your tests: Python source that sees the solution's names. They outrank all others.",
        json_schema_extra=_studio(["verify"], "prompt"),
    )
    code: list[SourceFile] = Field(
        default_factory=list,
        description="Files that the request is about, each with path and content; a *.diff is put onto them.",
        json_schema_extra=_studio(["classify", "verify", "review"]),
    )
    archives: list[ArchiveName] = Field(
        default_factory=list,
        max_length=32,
        description="The memory archives that this run may recall from; left empty, as configured (all).",
        json_schema_extra=_studio(["recall"]),
    )
    memory: bool | None = Field(
        default=None,
        description="Whether this run recalls from memory and is learned from; left empty, yes.",
        json_schema_extra=_studio(["recall", "enrich"]),
    )
    verify_types: bool | None = Field(
        default=None,
        description="Whether the code must pass the type checker; left empty, as configured (no).",
        json_schema_extra=_studio(["verify"]),
    )
    max_repairs: int | None = Field(
        default=None,
        ge=0,
        le=MAX_REPAIRS,
        description="How often failing code may be repaired; left empty, as configured (2).",
        json_schema_extra=_studio(["review"]),
    )
    max_model_calls: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Attempts at models, failed ones too.",
        json_schema_extra=_studio(["reason", "code", "review"]),
    )
    max_input_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens sent to models.",
        json_schema_extra=_studio(["reason", "code", "review"]),
    )
    max_output_tokens: int | None = Field(
        default=None,
        ge=1,
        description="Tokens received from models.",
        json_schema_extra=_studio(["reason", "code", "review"]),
    )
    max_cost_usd: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="US dollars; a model of unknown price is not metered, and the answer says so.",
        json_schema_extra=_studio(["reason", "code", "review"]),
    )
    turn_timeout_s: float | None = Field(
        default=None,
        gt=0,
        le=86_400,
        description="Wall-clock seconds for the whole turn.",
        json_schema_extra=_studio(["reason", "code", "verify", "review"]),
    )
    plan_approval: bool | None = Field(
        default=None,
        description="Wait for a person to approve, edit or reject the plan; left empty, as configured (no).",
        json_schema_extra=_studio(["approve"]),
    )
    tools: list[ToolName] | None = Field(
        default=None,
        max_length=128,
        description="The tools that this run may use, of those that are installed; left empty, all of them.",
        json_schema_extra=_studio(["reason", "tools"]),
    )
    consent: Consent | None = Field(
        default=None,
        description="Whether a person decides on calls that may change something; left empty, as configured.",
        json_schema_extra=_studio(["consent"]),
    )
    max_tool_rounds: int | None = Field(
        default=None,
        ge=0,
        le=MAX_TOOL_ROUNDS,
        description="How often tools may be called; left empty, as configured (8).",
        json_schema_extra=_studio(["tools"]),
    )
    max_tool_calls: int | None = Field(
        default=None,
        ge=0,
        le=MAX_TOOL_CALLS,
        description="How many calls of tools are made; left empty, as configured (32).",
        json_schema_extra=_studio(["tools"]),
    )
    reasoning_model: str | None = Field(
        default=None,
        description="A model string or chain for this run, such as openai:gpt-5.4,offline.",
        json_schema_extra=_studio(["reason", "review"]),
    )
    coding_model: str | None = Field(
        default=None,
        description="A model string or chain for this run, such as openai:qwen3-coder@http://localhost:1234/v1.",
        json_schema_extra=_studio(["code"]),
    )
    user_id: str | None = Field(
        default=None,
        max_length=255,
        description="Whose settings and memory count; left empty, as configured. A log-in outranks it.",
        json_schema_extra=_studio(["classify"]),
    )
