"""The seal on each line that leaves the relay, in order: whoever reads one learns nothing to forge another.

A pipe can be opened by way of /proc by every process of the same user, so that the solution might read
or swallow lines. It cannot write one, and a missing one is noticed.
"""

import _blake2


def seal(key: bytes, number: int, line: bytes) -> bytes:
    """The seal of the line of that number (BLAKE2s with a key, RFC 7693), in hexadecimal digits."""
    return _blake2.blake2s(b"%d %b" % (number, line), key=key, digest_size=16).hexdigest().encode()
