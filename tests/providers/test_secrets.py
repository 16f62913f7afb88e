"""API keys stay out of every text."""

from __future__ import annotations

from mmtoolkit.providers.secrets import Secret, redact

KEY = Secret("sk-0123456789abcdef")


def test_what_the_service_says_is_freed_of_secrets():
    said = f"key {KEY.reveal()} and sk-other-key-12345 in data:image/png;base64,{'QUJD' * 50}"

    assert redact(said, KEY) == "key <API key> and <API key> in data:image/png;base64,…"
    assert redact("ask-me about risk-taking", KEY) == "ask-me about risk-taking"
