"""Running code that nobody trusts, and the evidence of it."""

from sandbox.bubblewrap import BubblewrapSandbox
from sandbox.choose import OPENING_S, Choice, open_sandbox
from sandbox.evidence import Case, Check, Evidence, SourceFile, VerificationStatus
from sandbox.nono import NonoSandbox
from sandbox.protocol import Execution, Limits, Sandbox, SandboxError, Unavailable
from sandbox.tests_source import TestsError, check_tests
from sandbox.verifier import Verifier

__all__ = [
    "OPENING_S",
    "BubblewrapSandbox",
    "Case",
    "Check",
    "Choice",
    "Evidence",
    "Execution",
    "Limits",
    "NonoSandbox",
    "Sandbox",
    "SandboxError",
    "SourceFile",
    "TestsError",
    "Unavailable",
    "VerificationStatus",
    "Verifier",
    "check_tests",
    "open_sandbox",
]
