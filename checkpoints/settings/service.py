"""What programs call: a user's settings as a model of theirs, checked before anything is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

from pydantic import BaseModel, ValidationError

from checkpoints.settings.checking import as_model, check_user, sentence
from checkpoints.settings.protocol import UserSettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from types import TracebackType

    from checkpoints.settings.protocol import StoredSetting, UserSettingsStore

M = TypeVar("M", bound=BaseModel)


class UserSettingsService(Generic[M]):
    """Creates, reads, updates and resets the settings of users; a context manager, or call `close`.

    Every value is kept for itself, so processes that set different names lose nothing, and of two that set
    one name the later one stays.
    """

    def __init__(self, store: UserSettingsStore, kind: type[M]) -> None:
        """Note where and what; nothing is opened yet.

        Args:
            store: Where, such as `SqlUserSettings("sessions.sqlite")`.
            kind: What can be set: a model whose fields default to None, which means not set.
        """
        self._store = store
        self._kind = kind

    def create(self, user_id: str, settings: M) -> M:
        """Keep the first settings of a user.

        Raises:
            UserSettingsError: When the user has some already, or `user_id` is no name.
            DatabaseError: When the database cannot be written.
        """
        user_id = check_user(user_id)
        if not self._store.write(user_id, _kept(settings), only_new=True):
            raise UserSettingsError(
                f"The user {user_id!r} has settings already: change them with update, or reset them first."
            )
        return settings

    def read(self, user_id: str) -> M:
        """Give a user's settings; what is not set is None.

        Raises:
            UserSettingsError: When a value that is kept is wrong.
            DatabaseError: When the database cannot be read.
        """
        return as_model(self._kind, {row.name: row.value for row in self.rows(user_id)}, user_id)

    def update(self, user_id: str, changes: Mapping[str, object] | None = None, **more: object) -> M:
        """Change the named settings and give all of the user's; the others stay as they are.

        Args:
            user_id: Whose.
            changes: Values by name; None takes a value back.
            **more: The same, as keywords.

        Raises:
            UserSettingsError: When a name or a value is wrong; nothing is changed then.
            DatabaseError: When the database cannot be written.
        """
        user_id = check_user(user_id)
        given = {**(changes or {}), **more}
        try:
            checked = self._kind.model_validate(given)
        except ValidationError as error:
            raise UserSettingsError(sentence(error, self._kind)) from None
        gone = [name for name in given if getattr(checked, name) is None]
        self._store.write(user_id, _kept(checked), without=gone)
        return self.read(user_id)

    def reset(self, user_id: str, names: Collection[str] | None = None) -> int:
        """Take settings back, so that the environment, the file and the defaults speak again.

        Args:
            user_id: Whose.
            names: Which; all when left out. A name that a newer version kept may be given too.

        Returns:
            How many there were.

        Raises:
            DatabaseError: When the database cannot be written.
        """
        return self._store.remove(check_user(user_id), names)

    def rows(self, user_id: str) -> Sequence[StoredSetting]:
        """List what is kept of a user, unchecked, with its time.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        return self._store.rows(check_user(user_id))

    def users(self) -> Sequence[str]:
        """List the users who have settings.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        return self._store.users()

    def close(self) -> None:
        """Close the database; a second call does nothing."""
        self._store.close()

    def __enter__(self) -> Self:
        """Give the service itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the database."""
        self.close()


def _kept(settings: BaseModel) -> dict[str, object]:
    return settings.model_dump(mode="json", exclude_none=True)
