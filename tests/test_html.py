"""HTML: what somebody else wrote is text, wherever it stands."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit._html import Html, escape, in_script, notebook, table, tag, verbatim, void
from mmtoolkit.results import table_html

HOSTILE = "</td></script><img src=x onerror='alert(1)'> & \"x\" $y$"


def harmless(html):
    return not re.search(r"<(?:img|script|/script)", html) and "onerror='" not in html


def test_text_and_attributes_are_escaped():
    html = tag("p", HOSTILE, tag("b", HOSTILE), title=HOSTILE, data_row=3, class_="a", hidden=None)

    assert harmless(html)
    assert html.startswith('<p title="&lt;/td&gt;')
    assert ' data-row="3" class="a">' in html
    assert html.count("<b>") == 1


def test_what_is_html_already_stays_as_it_is():
    assert tag("p", Html("<i>x</i>"), Html("&amp;")) == "<p><i>x</i>&amp;</p>"
    assert tag("a", "x", href=Html("data:" + "x" * 500)) == f'<a href="data:{"x" * 500}">x</a>'
    assert void("img", src=Html("data:x"), alt='"') == '<img src="data:x" alt="&quot;">'


def test_long_text_is_cut_and_code_is_not():
    code = "\n".join(["x = 1 < 2  # 'a'"] * 50)

    assert len(tag("p", "x" * 1000)) == 200 + len("<p></p>")
    assert verbatim(code).count("\n") == 49
    assert "<" not in verbatim(code)


def test_a_table_escapes_names_cells_and_caption():
    html = table([HOSTILE, "b"], [(HOSTILE, [HOSTILE, tag("td", 1, class_="n")])], caption=HOSTILE, kind="k")

    assert harmless(html)
    assert '<td class="n">1</td>' in html
    assert html.startswith('<table class="k"><caption>')


def test_a_cell_that_looks_like_html_is_text():
    assert "<td>&lt;td onclick=1&gt;" in table(["a"], [("r", ["<td onclick=1>"])])


def test_frames_and_results_show_hostile_text_as_text():
    frame = pd.DataFrame({HOSTILE: [HOSTILE, 0.5]}, index=pd.Index([HOSTILE, 1], name=HOSTILE))

    assert harmless(table_html(frame, HOSTILE))
    assert harmless(notebook(HOSTILE, HOSTILE, table_html(frame)))


def test_data_cannot_end_its_script():
    said = in_script({"a": "</script><!--", "b": [1, None]})

    assert "<" not in said
    assert json.loads(said) == {"a": "</script><!--", "b": [1, None]}


@pytest.mark.parametrize("text", ["\u202egpj.exe", "a\x00b", "a\nb"])
def test_control_characters_do_not_get_through(text):
    assert not re.search(r"[\x00-\x1f\u202e]", escape(text))


def test_no_module_escapes_html_in_a_way_of_its_own():
    home = Path(mm.__file__).parent
    users = [p.relative_to(home).as_posix() for p in home.rglob("*.py") if "html.escape(" in p.read_text("utf-8")]

    assert sorted(users) == ["_html.py", "figures/style.py"]  # the latter: Plotly's own few tags, not HTML
