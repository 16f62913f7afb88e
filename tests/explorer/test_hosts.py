"""What hosts are promised: a bundle with a fallback, models that they know, and in Colab the manager of widgets."""

import importlib.util
import re
import sys
import types
from pathlib import Path

import pytest

from mmtoolkit.explorer.hosts import VIEW, display_metadata

_spec = importlib.util.spec_from_file_location("hosted", Path(__file__).with_name("hosted.py"))
hosted = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(hosted)

# a stand-in for what Colab documents: its manager is off, custom widgets are not shown, until it is enabled
COLAB = {
    "google/__init__.py": "",
    "google/colab/__init__.py": "",
    "google/colab/output/_widgets.py": "_installed_url = None\n",
    "google/colab/output/__init__.py": (
        "from google.colab.output import _widgets\n"
        "def enable_custom_widget_manager():\n    _widgets._installed_url = 'https://colab.example/manager.js'\n"
    ),
}


@pytest.fixture
def colab(tmp_path):
    """Folder with the package google.colab."""
    for name, text in COLAB.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_outside_of_colab_nothing_is_said(ex):
    assert "google.colab" not in sys.modules
    assert display_metadata() == {}
    assert set(ex._repr_mimebundle_()) == {"text/plain", "text/html", "image/png", VIEW}


def test_colab_without_such_a_manager_says_nothing(monkeypatch):
    output = types.ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: None
    for name in ("google", "google.colab"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "google.colab.output", output)

    assert display_metadata() == {}


def test_in_colab_the_manager_is_enabled_and_named_beside_the_widget(colab):
    setup = "import sys\nsys.path.insert(0, '.')\nfor name in [n for n in sys.modules if n == 'google' or n.startswith('google.')]: del sys.modules[name]"

    (output,), widgets = hosted.run([f"{setup}\nimport google.colab", hosted.HOSTED], colab)

    assert output["output_type"] == "execute_result"
    assert output["metadata"][VIEW]["colab"]["custom_widget_manager"]["url"] == "https://colab.example/manager.js"
    view = output["data"][VIEW]
    assert widgets[view["model_id"]]["model_name"] == "VBoxModel"
    assert {state["model_module"] for state in widgets.values()} <= {
        "@jupyter-widgets/base", "@jupyter-widgets/controls", "anywidget"
    }  # fmt: skip
    assert 'src="data:image/png;base64,' in output["data"]["text/html"]
    assert not re.search(r'(?:src|href)="(?!data:)', output["data"]["text/html"])
    own = [state["state"]["_esm"] for state in widgets.values() if "drawOutline" in state["state"].get("_esm", "")]
    assert len(own) == 1
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|\bimport\b|\bfetch\b", own[0])
