"""Text of users stays text: it turns no direction of writing, and in Markdown it links and formats nothing."""

import re

import pytest

from mmtoolkit._html import escape
from mmtoolkit._text import escape_markdown


def test_a_name_cannot_turn_the_direction_of_writing_around():
    assert escape("exe\u202egpj.png") == "exe gpj.png"
    assert escape_markdown("a\u2066b\u2069c") == "a b c"


@pytest.mark.parametrize(
    "text",
    ["http://evil.example/x", "HTTPS://e.example", "www.evil.example", "mail a@b.co", "mailto:a@b.co", "ftp://a.b", "![x](http://e/x.png)",
     "[a](javascript:1)", "<img src=x>", "&lt;b&gt;", "a|b", "`code`", "line\nbreak", "- item", "1. item", "123. x", "# h", "> q", "~~x~~", "$x$", "\\*x*"],
)  # fmt: skip
def test_markdown_neither_links_nor_formats_what_users_wrote(text):
    import html

    import mistune

    written = escape_markdown(text)

    for text_of_page in (written, f"| a |\n| --- |\n| {written} |\n"):
        made = mistune.create_markdown(plugins=["url", "table", "strikethrough", "footnotes", "math"])(text_of_page)
        inner = re.sub(r"</?(p|table|thead|tbody|tr|t[hd])>", "", made).replace("\n", " ").replace("\u2060", "")
        assert html.unescape(inner).split() == [*(["a"] if text_of_page[0] == "|" else []), *text.split()]
