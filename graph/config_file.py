"""`duograph.toml`: the settings of a folder."""

import difflib
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

CONFIG_FILE = "duograph.toml"


class SettingsError(ValueError):
    """A setting is wrong; the message names the place, the field, the value and the fix."""


class FileSource(PydanticBaseSettingsSource):
    """Reads `duograph.toml` in the working directory, if there is one."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ANN401
        """Not used: the whole file is read at once."""
        del field
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The file's values."""
        return read_config(Path(CONFIG_FILE), self.settings_cls.model_fields)


def read_config(path: Path, known: Collection[str]) -> dict[str, Any]:
    """The settings in a TOML file; none when there is no such file.

    Args:
        path: The file.
        known: The names that it may have.

    Raises:
        SettingsError: When it cannot be read, is not TOML, or has an unknown name in it.
    """
    try:
        if path.exists() and not path.is_file():
            raise SettingsError(f"{path} is not a file: rename or remove it.")
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if path.is_symlink():
            raise SettingsError(f"{path} is a link that leads nowhere: mend or remove it.") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read ({error}): mend or remove it.") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}. Mend that line.") from None
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
            raise SettingsError(f"{path} has an unknown setting {name!r}: {hint}")
    return values
