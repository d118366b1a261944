"""What outlives a session: knowledge, insights, archives, and the queue of work behind the answer."""

from memory.protocol import Memory, MemorySettingsError, MemoryStoreError, MemoryUnavailableError

__all__ = ["Memory", "MemorySettingsError", "MemoryStoreError", "MemoryUnavailableError"]
