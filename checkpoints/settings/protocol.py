"""What keeps user settings offers, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime


class UserSettingsError(ValueError):
    """A user's setting cannot be kept or read; one sentence names it, its value and the fix."""


@dataclass(frozen=True, slots=True)
class StoredSetting:
    """One value as it is kept.

    Attributes:
        user_id: Whose it is.
        name: Of the setting.
        value: What JSON can hold.
        updated_at: When it was last written, in UTC.
    """

    user_id: str
    name: str
    value: object
    updated_at: datetime


class UserSettingsStore(Protocol):
    """Keeps values by user and name; each name is written and removed for itself."""

    def rows(self, user_id: str) -> Sequence[StoredSetting]:
        """List a user's values by name.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        ...

    def write(
        self,
        user_id: str,
        values: Mapping[str, object],
        *,
        without: Collection[str] = (),
        only_new: bool = False,
    ) -> bool:
        """Write all `values` and remove all of `without`, or do nothing; other names stay as they are.

        Args:
            user_id: Whose.
            values: What JSON can hold, by name.
            without: Names to remove.
            only_new: Whether to write nothing when the user has any value already.

        Returns:
            Whether they were written.

        Raises:
            DatabaseError: When the database cannot be written.
        """
        ...

    def remove(self, user_id: str, names: Collection[str] | None = None) -> int:
        """Remove the named values, or all of them, and say how many there were.

        Raises:
            DatabaseError: When the database cannot be written.
        """
        ...

    def users(self) -> Sequence[str]:
        """List the users who have a value, by name.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        ...

    def close(self) -> None:
        """Close what is open; a second call does nothing."""
        ...
