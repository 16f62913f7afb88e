"""The page for coding assistants: its script runs, and llms.txt knows every page."""

import re
from pathlib import Path

import mmtoolkit as mm
from mmtoolkit.steps import verbs

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "agents.md").read_text("utf-8")
SCRIPT = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]


def test_the_script_runs_and_uses_every_verb(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    exec(compile(SCRIPT, "agents.md", "exec"), {"__name__": "agents"})

    accuracy = re.search(r"^accuracy +(.*)$", capsys.readouterr().out, re.MULTILINE)[1].split()
    assert 0 < float(accuracy[1]) < float(accuracy[2]) <= 1
    public = {name for name in verbs() if "." not in name and hasattr(mm, name)}
    assert {name for name in public if f"mm.{name}(" not in SCRIPT} == set()


def test_llms_txt_links_every_page_and_no_other():
    linked = set(re.findall(r"^- \[.*?\]\(docs/(.*?)\)", (ROOT / "llms.txt").read_text("utf-8"), re.MULTILINE))

    assert linked == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_what_the_page_names_is_there():
    assert {name for name in re.findall(r"\bmm\.(\w+)", PAGE) if not hasattr(mm, name)} == set()
