"""Settings: what is chosen by arguments, the user, the environment and `duograph.toml`."""

from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    DirectoryPath,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from checkpoints.passphrase import key_variable_problem
from checkpoints.settings import UserSettingsError
from graph.config_file import CONFIG_FILE, FileSource, SettingsError
from graph.role_settings import RoleVariables
from graph.setting_errors import check_environment, explain
from graph.setting_values import folder, folders, host, passphrase, table
from graph.setting_values import user as user_name
from graph.user_settings import Archives, UserSettings, names, number, overlay, read_user_settings
from nodes.limits import MAX_REPAIRS, MAX_TOOL_CALLS, MAX_TOOL_ROUNDS, TURN_TIMEOUT_S, Consent, TurnLimits
from providers import Role, RoleParameters
from providers.place import Prefer
from providers.protocol import CallRole

__all__ = ["CONFIG_FILE", "Settings", "SettingsError", "given_settings"]


class Settings(BaseSettings):
    """Wiring and defaults: an argument, then what the user has set, the environment, and `duograph.toml`.

    Each field is read from `DUOGRAPH_<NAME>` and from the same name in lower case in the file. What a user
    can set is in `UserSettings`; it is read from the database once, when the settings are made.

    Attributes:
        reasoning_model: Chain of model strings for planning, tests, diagnosis and answers.
        coding_model: Chain of model strings for writing code.
        background_model: Chain of model strings for learning behind the answer.
        embedding_model: Chain of model strings for turning texts into vectors, which memory compares too.
        solo_model: One chain for both the reasoning and the coding role; it goes before theirs.
        prefer: Which models of each chain are asked: as the `chain` says, those on this machine first
            (`local`) or last (`remote`), or no others (`local_only`, `remote_only`).
        roles: What each role asks its models with: temperature, token limit, timeouts. In the environment one
            variable each, such as `DUOGRAPH_CODING_TEMPERATURE`.
        home: The data folder.
        database: The sessions' SQLite file, or a PostgreSQL server's address, `postgresql://…`; by default
            `sessions.sqlite` in `home`.
        keep_turns: Turns of each session that stay open to time travel; 0 keeps all.
        encryption_key: Passphrase of the sessions' file, which is encrypted from its first use on or never.
        memory: Whether anything outlives a session: knowledge, insights, archives.
        archives: The memory archives that turns recall from; all of the user's when empty.
        recall_tokens: Tokens that what is recalled may add to a prompt, estimated; 0 recalls nothing.
        memory_min_score: The least score of a fact that answers a question, 0 to 1.
        memory_max_results: How many facts answer a question at most.
        memory_vectors: Whether meanings are compared beside words; by default where an embedding model is
            configured.
        neo4j_uri: A Neo4j server, such as `neo4j://localhost:7687`, that memory is kept on in place of the
            sessions' database.
        neo4j_user: Its user.
        neo4j_password: The user's password.
        neo4j_database: The database on it; the server's default one when empty.
        enrichment: Who learns from finished turns: a `worker` in this process or of `duograph worker`,
            the LangGraph `server` that the turn runs on, or nobody (`off`).
        enrichment_drain_s: Seconds that learning has to get done when an agent is closed.
        user: Whose user settings are in force, and whose memory.
        user_settings: Whether they are read at all, or your own in their place.
        sandbox: Which sandbox runs code; `auto` takes the first of nono and bubblewrap that passes its
            self-test, and `none` runs code without any walls.
        sandbox_image: The image for the docker sandbox; by default Python's of the version at hand.
        sandbox_packages: Folders of installed packages that solutions may import, beside those of the
            interpreter that runs Duograph.
        routing: Who is asked what a request is when the local classifier is not sure: `model`, the reasoning
            role, once; or nobody, `local`.
        routing_minilm: The folder of a MiniLM, all-MiniLM-L6-v2, whose vectors the local classifier reads
            beside the words; none by default.
        verify_types: Whether the type checker must pass too.
        max_repairs: How often failing code goes back to the coder.
        max_model_calls: Attempts at models that a turn may make, failed ones too.
        max_input_tokens: Tokens that a turn may send to models.
        max_output_tokens: Tokens that a turn may receive from models.
        max_cost_usd: US dollars that a turn may spend on models whose price is known.
        turn_timeout_s: Seconds that a turn may take, from which every timeout inside it is cut.
        thread_wait_s: Seconds that a turn waits for an earlier one on its thread, in this process or another;
            0 refuses it at once.
        plan_approval: Whether a person must approve each plan before code is written.
        tools: What the reasoning model may call, by name: see `toolkit.registry`.
        specialist_tools: Whether problem solving and mathematics bring the calculator and `run_python`, where
            the reasoning chain can call tools.
        tool_roots: Folders that tools may read files in.
        tool_hosts: Hosts that tools may fetch pages from, such as `docs.python.org` or `*.wikipedia.org`.
        mcp_servers: Files in the format of `mcp.json`, whose servers' tools may be called once each file is
            trusted (`duograph tools trust FILE`).
        max_tool_rounds: How often the reasoning model may call tools in a turn.
        max_tool_calls: How many calls of tools a turn may make.
        parallel_tools: How many of them run at once.
        consent: What becomes of calls that may change something: a person decides (`ask`), they are not made
            (`refuse`), or they are (`allow`).
        model_timeout_s: Seconds one model call may take.
        model_tries: Attempts at one model of a chain before the next one is asked, the first one included.
        mlx_memory_gb: Gigabytes that the weights of all `mlx:` models may take; by default seven tenths of
            the machine's memory.
        mlx_prompt_cache_gb: Gigabytes of each `mlx:` model for prompts that it has read; 0 keeps none.
        verify_timeout_s: Seconds one run in the sandbox may take.
        openai_api_key: The key for `openai:` models, from `OPENAI_API_KEY` as well.
        api_keys: Keys by provider name, such as `groq`; each goes before the provider's own variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="DUOGRAPH_", extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    reasoning_model: str = "offline"
    coding_model: str = "offline"
    background_model: str = "offline"
    embedding_model: str = "offline"
    solo_model: str | None = None
    prefer: Prefer = "chain"
    roles: Annotated[dict[CallRole, RoleParameters], NoDecode, BeforeValidator(table)] = Field(
        default_factory=dict
    )
    home: Path = Field(default_factory=lambda: user_data_path("duograph", appauthor=False))
    database: str | None = Field(default=None, repr=False)  # it may hold a password
    keep_turns: int = Field(default=20, ge=0, le=1_000_000)
    encryption_key: Annotated[SecretStr, AfterValidator(passphrase)] | None = None
    archives: Annotated[Archives, NoDecode] = Field(default_factory=list)
    memory: bool = True
    enrichment: Literal["worker", "server", "off"] = "worker"
    enrichment_drain_s: float = Field(default=5.0, ge=0, le=3600)
    recall_tokens: int = Field(default=1500, ge=0, le=100_000)
    memory_min_score: float = Field(default=0.3, ge=0, le=1)
    memory_max_results: int = Field(default=8, ge=1, le=100)
    memory_vectors: bool | None = None
    neo4j_uri: str | None = Field(default=None, repr=False)  # somebody may write a password into it
    neo4j_user: str = "neo4j"
    neo4j_password: SecretStr | None = None
    neo4j_database: str = ""
    user: Annotated[str, AfterValidator(user_name)] = "default"
    user_settings: Annotated[bool | UserSettings, NoDecode] = True
    sandbox: Literal["auto", "nono", "bubblewrap", "docker", "none"] = "auto"
    sandbox_image: str = Field(default="", max_length=255)
    sandbox_packages: Annotated[list[DirectoryPath], NoDecode, BeforeValidator(folders)] = Field(
        default_factory=list
    )
    routing: Literal["model", "local"] = "model"
    routing_minilm: Annotated[DirectoryPath | None, BeforeValidator(folder)] = None
    verify_types: bool = False
    max_repairs: int = Field(default=2, ge=0, le=MAX_REPAIRS)
    max_model_calls: int | None = Field(default=None, ge=1, le=10_000)
    max_input_tokens: int | None = Field(default=None, ge=1)
    max_output_tokens: int | None = Field(default=None, ge=1)
    max_cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    turn_timeout_s: float = Field(default=TURN_TIMEOUT_S, gt=0, le=86_400)
    thread_wait_s: float = Field(default=600.0, ge=0, le=86_400)
    plan_approval: bool = False
    tools: Annotated[list[str], NoDecode, BeforeValidator(names)] = Field(default_factory=list)
    specialist_tools: bool = True
    tool_roots: Annotated[list[DirectoryPath], NoDecode, BeforeValidator(folders)] = Field(
        default_factory=list
    )
    tool_hosts: Annotated[list[Annotated[str, AfterValidator(host)]], NoDecode, BeforeValidator(names)] = (
        Field(default_factory=list)
    )
    mcp_servers: Annotated[list[Path], NoDecode, BeforeValidator(folders)] = Field(default_factory=list)
    max_tool_rounds: int = Field(default=8, ge=0, le=MAX_TOOL_ROUNDS)
    max_tool_calls: int = Field(default=32, ge=0, le=MAX_TOOL_CALLS)
    parallel_tools: int = Field(default=4, ge=1, le=64)
    consent: Consent = "refuse"
    model_timeout_s: float = Field(default=120.0, gt=0, le=3600)
    model_tries: int = Field(default=2, ge=1, le=10)
    mlx_memory_gb: float | None = Field(default=None, gt=0, le=100_000, allow_inf_nan=False)
    mlx_prompt_cache_gb: float = Field(default=2.0, ge=0, le=100_000, allow_inf_nan=False)
    verify_timeout_s: float = Field(default=10.0, gt=0, le=600)
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("openai_api_key", "DUOGRAPH_OPENAI_API_KEY", "OPENAI_API_KEY"),
    )
    api_keys: Annotated[dict[str, SecretStr], NoDecode, BeforeValidator(table)] = Field(default_factory=dict)

    _given: frozenset[str] = PrivateAttr(default=frozenset())
    _kept: frozenset[str] = PrivateAttr(default=frozenset())

    @field_validator("*", mode="before")
    @classmethod
    def _numbers(cls, value: object, info: ValidationInfo) -> object:
        return number(value, cls.model_fields[str(info.field_name)].annotation)

    def __init__(self, **values: Any) -> None:  # noqa: ANN401  # pydantic's own signature
        """Read and validate the settings. Reading a user's blocks: never do it on an event loop.

        Args:
            **values: Fields that outrank the user's settings, the environment and the file.

        Raises:
            SettingsError: When a value, the environment, the file or what the user has set is wrong.
            DatabaseError: When the user's settings cannot be read.
        """
        check_environment(Settings.model_fields)
        try:
            super().__init__(**values)
            chosen = self._of_user()
            if between := overlay(chosen, set(values), self.solo_model):
                super().__init__(**(between | values))
        except ValidationError as error:
            raise SettingsError(explain(error, set(values), Settings.model_fields)) from None
        except UserSettingsError as error:
            raise SettingsError(str(error)) from None
        if self.encryption_key is None and (problem := key_variable_problem()):
            raise SettingsError(problem)
        self._given, self._kept = frozenset(values), frozenset(chosen) - set(values)

    def _of_user(self) -> dict[str, Any]:
        """What the user has set, by name."""
        if not self.user_settings:
            return {}
        if isinstance(self.user_settings, UserSettings):
            return self.user_settings.chosen
        return read_user_settings(self.database_path, self.user).chosen

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the file last. A .env file and a secrets folder are not read: nobody asked for them."""
        del dotenv_settings, file_secret_settings
        return init_settings, RoleVariables(settings_cls), env_settings, FileSource(settings_cls)

    @property
    def given(self) -> frozenset[str]:
        """The names of the arguments."""
        return self._given

    @property
    def kept(self) -> frozenset[str]:
        """The names that the user has set and no argument outranks."""
        return self._kept

    @property
    def database_path(self) -> str:
        """Where the sessions are: `database`, or the default file in `home`."""
        if self.database:
            return self.database
        try:
            return str(self.home.expanduser() / "sessions.sqlite")
        except RuntimeError:
            raise SettingsError(
                f"The setting home is {str(self.home)!r}: there is no such user's home."
            ) from None

    @property
    def unconfigured(self) -> list[str]:
        """The roles of a turn for which no model was configured, so that the offline model answers."""
        if self.solo_model is not None:
            return []
        return [role for role in ("reasoning", "coding") if f"{role}_model" not in self.model_fields_set]

    @property
    def limits(self) -> TurnLimits:
        """What a turn may use when the caller does not say."""
        mine = [name for name in TurnLimits.model_fields if name in type(self).model_fields]
        return TurnLimits(**{name: getattr(self, name) for name in mine})

    def chains(self) -> dict[Role, str]:
        """The chain of model strings of each role."""
        return {
            "reasoning": self.reasoning_model if self.solo_model is None else self.solo_model,
            "coding": self.coding_model if self.solo_model is None else self.solo_model,
            "background": self.background_model,
        }


def given_settings(settings: Settings | None) -> Settings:
    """Return the settings that a program gave, or read them.

    Raises:
        SettingsError: When it gave something else, or a setting is wrong.
    """
    if settings is None:
        return Settings()
    if not isinstance(settings, Settings):
        raise SettingsError(f"settings is a {type(settings).__name__}; give Settings(…), or leave it out.")
    return settings
