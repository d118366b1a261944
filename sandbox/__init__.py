"""Running code that nobody trusts, and the evidence of it."""

from sandbox.bare import BareRun
from sandbox.bubblewrap import BubblewrapSandbox
from sandbox.choose import OPENING_S, Choice, open_sandbox
from sandbox.docker import DockerSandbox
from sandbox.evidence import Case, Check, Diagnostic, Evidence, SourceFile, VerificationStatus
from sandbox.nono import NonoSandbox
from sandbox.options import Options
from sandbox.protocol import Execution, Limits, Sandbox, SandboxError, Unavailable
from sandbox.tests_source import TestsError, check_tests
from sandbox.verifier import Verifier

__all__ = [
    "OPENING_S",
    "BareRun",
    "BubblewrapSandbox",
    "Case",
    "Check",
    "Choice",
    "Diagnostic",
    "DockerSandbox",
    "Evidence",
    "Execution",
    "Limits",
    "NonoSandbox",
    "Options",
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
