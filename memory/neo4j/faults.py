"""What a Neo4j server and its driver report, said as one sentence with a fix and without a password."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from memory.protocol import MemorySettingsError, MemoryStoreError, MemoryUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from memory.neo4j.address import Address

_SHOWN: Final = 200
_MISSING_INDEX: Final = "no such fulltext schema index", "no such vector schema index", "no such index"

_BY_CODE: Final = (
    (
        "Neo.ClientError.Security.Unauthorized",
        "refused the user or password: mend neo4j_user and neo4j_password",
    ),
    (
        "Neo.ClientError.Security.AuthenticationRateLimit",
        "refused a wrong password too often: mend neo4j_password, then wait some seconds",
    ),
    (
        "Neo.ClientError.Security.CredentialsExpired",
        "wants a new password before anything else: change it there, then mend neo4j_password",
    ),
    (
        "Neo.ClientError.Security",
        "refused ({reason}): give its user the right to read, to write and to make indexes",
    ),
    (
        "Neo.ClientError.Database.DatabaseNotFound",
        "has no such database: make it there, or mend neo4j_database",
    ),
    ("Neo.ClientError.General.ForbiddenOnReadOnlyDatabase", "may only be read there: make it writable"),
)


class LacksIndexError(MemoryStoreError):
    """An index is gone that was there: the database was emptied meanwhile."""


@contextmanager
def explained(address: Address) -> Iterator[None]:
    """Raise what the driver reports in the block as `MemoryStoreError`."""
    from neo4j.exceptions import DriverError, Neo4jError  # noqa: PLC0415 - an extra

    try:
        yield
    except (Neo4jError, DriverError, OSError, TimeoutError, UnicodeEncodeError) as error:
        raise explain(error, address) from None


def explain(error: Exception, address: Address) -> MemoryStoreError:
    """Turn an error of the driver into a sentence that names the server, without its password."""
    from neo4j import exceptions as kinds  # noqa: PLC0415 - an extra

    place, reason = address.place, _reason(error, address)
    if isinstance(error, UnicodeEncodeError):
        return MemoryStoreError(f"The memory in {place} cannot keep broken text: leave out lone surrogates.")
    away = (kinds.ServiceUnavailable, kinds.SessionExpired, kinds.TransientError, kinds.ConnectionPoolError)
    if isinstance(error, (*away, OSError)):  # a timeout is an OSError too
        return MemoryUnavailableError(
            f"The memory in {place} cannot be reached ({reason}): start the Neo4j server, or mend neo4j_uri."
        )
    if isinstance(error, kinds.ConfigurationError):
        return MemorySettingsError(f"The memory in {place} cannot be used ({reason}): mend neo4j_uri.")
    code = getattr(error, "code", None) or ""
    if any(words in str(error) for words in _MISSING_INDEX):
        return LacksIndexError(f"The memory in {place} lacks an index ({reason}): try again, which makes it.")
    for known, sentence in _BY_CODE:
        if code.startswith(known):
            return MemorySettingsError(f"The memory in {place} {sentence.format(reason=reason)}.")
    return MemoryStoreError(
        f"The memory in {place} refused ({reason}): look at the server's log, or choose another server in "
        "neo4j_uri."
    )


def closed(address: Address) -> MemoryStoreError:
    """Say that memory was used after its end."""
    return MemoryStoreError(f"The memory in {address.place} is closed: open it anew.")


def _reason(error: Exception, address: Address) -> str:
    """The first line of an error that says something, without what is secret."""
    if isinstance(error, TimeoutError) and not str(error):
        return "it did not answer in time"
    text = getattr(error, "message", None) or str(error)
    line = next(filter(None, map(str.strip, text.splitlines())), type(error).__name__)
    line = line.partition(" (resolved to")[0]  # the same address once more
    return address.without_secrets(" ".join(line.split())).rstrip(".:")[:_SHOWN]
