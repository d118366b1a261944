"""Goes from one revision of a schema to another, by migrations that come with the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Steps:
    """The migrations of one schema.

    Attributes:
        folder: Where Alembic finds them.
        revisions: Their names, oldest first.
    """

    folder: Path
    revisions: tuple[str, ...]

    def check(self, revision: str) -> None:
        """Refuse a revision that is not one of them.

        Raises:
            ValueError: When it is neither one of them nor `base`.
        """
        if revision not in (known := ("base", *self.revisions)):
            raise ValueError(f"There is no revision {revision!r}: known are {', '.join(known)}.")

    def go(self, connection: Connection, found: str | None, wanted: str) -> None:
        """Upgrade or downgrade, in the transaction that `connection` is in.

        Args:
            connection: Where.
            found: The revision that is there, or None where nothing is.
            wanted: The revision that shall be, or `base` for nothing.
        """
        from alembic import command  # noqa: PLC0415 - half a second, and rarely needed
        from alembic.config import Config  # noqa: PLC0415 - the same

        config = Config()
        # A per cent sign in a folder's name would be read as the start of a reference.
        config.set_main_option("script_location", str(self.folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        order = ("base", *self.revisions)
        is_down = order.index(wanted) < order.index(found or "base")
        (command.downgrade if is_down else command.upgrade)(config, wanted)
