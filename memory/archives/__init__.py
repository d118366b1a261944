"""Archives: files and folders, cut into chunks that memory can find and answers can cite."""

from memory.archives.ingest import ingest
from memory.archives.places import place
from memory.archives.report import ArchiveError, IngestReport, Progress, Skipped

__all__ = ["ArchiveError", "IngestReport", "Progress", "Skipped", "ingest", "place"]
