"""Results as text that fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.protocol import MIN_CHARS
from toolkit.text import clip, tidy


@pytest.mark.parametrize(
    ("odd", "repaired"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\0b\x07c\x9b2Jd", "abcd"),
        ("one\r\ntwo\tthree", "one\ntwo\tthree"),
        ("\ud83d alone, \U0001f600 whole", "\ufffd alone, \U0001f600 whole"),
    ],
)
def test_odd_text_is_repaired(odd: str, repaired: str) -> None:
    assert tidy(odd) == repaired


@given(st.text(st.characters() | st.sampled_from("\x1b[]\x9b\x9d;0m\\\r\n")))
def test_repairing_never_grows_and_is_done_once(text: str) -> None:
    once = tidy(text)
    assert len(once) <= len(text)
    assert tidy(once) == once
    assert "\x1b" not in once
    once.encode()


@given(st.text(min_size=0, max_size=2000), st.integers(MIN_CHARS, 1500), st.text(max_size=300))
def test_a_clipped_text_keeps_both_ends_and_the_note(text: str, room: int, note: str) -> None:
    shown, is_clipped = clip(text, room, note)
    assert len(shown) <= room
    assert shown.startswith(tidy(text[:50])[:40])
    if is_clipped:
        assert "characters left out here" in shown
    if note:
        assert shown.endswith(f"[{tidy(note)[:200]}]")
