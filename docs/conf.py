"""The site of `make docs`: Sphinx on this folder, the notebooks that the tests executed, and the docstrings. Offline."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from sphinx.search.en import SearchEnglish

import mmtoolkit as mm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import figures as drawn  # noqa: E402 - beside this file
import reference  # noqa: E402

project = "mmtoolkit"
author = "the authors of mmtoolkit"
copyright = "the authors, Apache-2.0"
version = release = mm.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["_build"]
default_role = "literal"  # `name` in a docstring
html_theme = "pydata_sphinx_theme"
html_title = "mmtoolkit"
(HERE / "_static").mkdir(exist_ok=True)  # Plotly's script goes there
html_static_path = ["_static", "style"]
html_css_files = ["narrow.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_end": ["theme-switcher"],
    "header_links_before_dropdown": 7,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {"index": [], "gallery/*": [], "about/*": []}

nb_execution_mode = "off"  # the tests have executed them
nb_mime_priority_overrides = [
    ("html", "application/vnd.jupyter.widget-view+json", None),  # a live kernel is needed; the still picture stands in
    ("html", "application/vnd.plotly.v1+json", None),
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]  # the same figure is there as HTML

autodoc_typehints = "none"  # the docstrings say types, and more
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False


class EnglishAndChinese(SearchEnglish):
    """English words, and pairs of Chinese characters: Chinese has no blanks between words."""

    js_splitter_code = r"""
function splitQuery(query) {
  return query.split(/[^\p{Letter}\p{Number}_]+/gu).filter(Boolean).flatMap((word) => {
    if (!/^\p{Script=Han}{3,}$/u.test(word)) return [word];
    return Array.from(word).slice(1).map((one, i) => Array.from(word)[i] + one);
  });
}
"""

    def split(self, input: str) -> list[str]:
        """Return the words of a text."""
        words = super().split(input)
        runs = [run for word in words for run in re.findall(r"[\u4e00-\u9fff]+", word)]
        return words + [run[i : i + 2] for run in runs for i in range(len(run) - 1)]


def _bring(app: object) -> None:
    """Put notebooks, pages of the reference and figures where Sphinx finds them; unchanged files keep their time."""
    executed = HERE.parent / "build" / "notebooks"
    for path in sorted((HERE.parent / "notebooks").glob("*.ipynb")):
        source = executed / path.name
        if not source.exists():
            msg = f"{source} is missing; run make docs, or pytest tests/test_notebooks.py"
            raise FileNotFoundError(msg)
        shutil.copyfile(source, HERE / "tutorials" / path.name)
    figures = drawn.write(HERE / "_figures")
    reference.write(HERE / "api", figures)


def _without_types(
    app: object, what: str, name: str, obj: object, options: object, signature: str, back: str
) -> tuple[str, str] | None:
    """Show defaults as they are written, not as Python prints functions."""
    return (re.sub(r"<(?:function|built-in function) ([\w.]+)[^>]*>", r"\1", signature), back) if signature else None


def setup(app: object) -> None:
    """Tell Sphinx what is ours."""
    app.add_search_language(EnglishAndChinese)  # type: ignore[attr-defined]
    app.connect("builder-inited", _bring)  # type: ignore[attr-defined]
    app.connect("autodoc-process-signature", _without_types)  # type: ignore[attr-defined]
