"""The table as SQLAlchemy knows it, at the newest revision."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from checkpoints.settings.schema import TABLE


class Json(TypeDecorator[Any]):
    """JSON as text: SQLite takes a column of type JSON for a number's, and rounds large ones."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ANN401  # any JSON
        """Write a value."""
        del dialect
        return json.dumps(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401  # any JSON
        """Read a value."""
        del dialect
        return None if value is None else json.loads(value)


class Base(DeclarativeBase):
    """Our tables, apart from those of the sessions."""


class UserSetting(Base):
    """One value of one user; a name that is not there is not set.

    A row for each value: two processes that set different names never write the same row.
    """

    __tablename__ = TABLE

    user_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), default=lambda: datetime.now(UTC))
