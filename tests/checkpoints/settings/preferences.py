"""A small model of settings, so that these tests know nothing of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict, Field

from checkpoints.settings import SqlUserSettings, UserSettingsService


class Preferences(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    colour: str | None = None
    size: int | None = Field(default=None, ge=0)
    share: float | None = None
    loud: bool | None = None
    tags: list[str] | None = None


@contextmanager
def opened(target: str) -> Iterator[UserSettingsService[Preferences]]:
    with UserSettingsService(SqlUserSettings(target), Preferences) as service:
        yield service
