"""Tokens are estimated from above, and a text is cut to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmtoolkit.providers.queue import tokens


@given(st.text(min_size=1), st.integers(1, 50))
def test_a_cut_text_is_a_start_of_it_within_the_limit(text, limit):
    kept = tokens.cut(text, limit)

    assert text.startswith(kept)
    assert tokens.text_tokens(kept) <= limit


@pytest.mark.parametrize(
    ("text", "count"), [("cat", 1), ("banking", 2), ("银行", 2), ("a b, c!", 5), ("", 0), ("😀", 1)]
)
def test_token_estimate(text, count):
    assert tokens.text_tokens(text) == count
