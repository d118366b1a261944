"""Archives: files and folders, cut into chunks that memory can find and answers can cite."""

from memory.archives.ingest import Options, default_name, ingest
from memory.archives.report import ArchiveError, IngestReport, Progress, Skipped

__all__ = ["ArchiveError", "IngestReport", "Options", "Progress", "Skipped", "default_name", "ingest"]
