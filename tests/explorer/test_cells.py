"""Cells that are run again: the widgets that they showed before are closed, unless something else shows them, too."""

import json

import pytest
from jupyter_client.manager import start_new_kernel

SETUP = """
import json, numpy as np, ipywidgets, mmtoolkit as mm
from IPython.display import display
from ipywidgets.widgets.widget import _instances
X = np.random.default_rng(0).normal(size=(20, 4))
explore = lambda: mm.explore(X, projection=X[:, :2])
"""
EXPLORE = "ex = explore()\nex"


class Notebook:
    """A kernel, and what a host sends to it."""

    def __init__(self, client):
        self._client = client
        self.run(SETUP)

    def run(self, code, cell=None):
        """Run code, in a cell of that id, and return what it prints."""
        content = {"code": code, "silent": False, "store_history": cell is not None, "stop_on_error": True}
        content |= {"user_expressions": {}, "allow_stdin": False}
        request = self._client.session.msg(
            "execute_request", content, metadata={} if cell is None else {"cellId": cell}
        )
        self._client.shell_channel.send(request)
        out = ""
        while True:
            message = self._client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            assert message["msg_type"] != "error", message["content"]["traceback"]
            if message["msg_type"] == "stream":
                out += message["content"]["text"]
            if message["content"].get("execution_state") == "idle":
                return out

    @property
    def open(self):
        """Number of open widgets."""
        return json.loads(self.run("print(len(_instances))"))


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def notebook(kernel):
    notebook = Notebook(kernel)
    yield notebook
    notebook.run("ipywidgets.Widget.close_all()")


def test_a_cell_that_is_run_again_closes_the_widgets_of_before(notebook):
    notebook.run(EXPLORE, "a")
    once = notebook.open

    for _ in range(3):
        notebook.run(EXPLORE, "a")

    assert once > 20
    assert notebook.open == once
    notebook.run("1 + 1", "a")
    assert notebook.open == 0


def test_an_explorer_that_is_shown_again_by_its_cell_gets_new_widgets_and_keeps_its_selection(notebook):
    notebook.run(EXPLORE, "a")
    once = notebook.open
    notebook.run("ex.select([3])")

    notebook.run("ex", "a")  # Plotly's map would not follow in a second view, after the first is gone

    assert notebook.open == once
    assert notebook.run("print(len(ex.selected), ex.widget.map.figure.data[0].selectedpoints)") == "1 (3,)\n"


def test_what_another_cell_or_a_box_shows_stays_open(notebook):
    for other in ("ex", "display(ex)", "ipywidgets.HBox([ex.widget])", "with ipywidgets.Output(): display(ex)"):
        notebook.run(EXPLORE, "a")
        notebook.run(f"old = ex\n{other}", "b")

        notebook.run(EXPLORE, "a")

        assert notebook.run("print(old.widget.comm is None)") == "False\n", other
        notebook.run("old.close()")


def test_an_explorer_of_two_cells_is_closed_when_both_show_something_else(notebook):
    notebook.run(EXPLORE, "a")
    notebook.run("ex", "b")
    once = notebook.open

    notebook.run(EXPLORE, "a")
    assert notebook.open == 2 * once
    notebook.run("ex", "b")
    assert notebook.open == once


def test_a_host_that_does_not_name_its_cells_keeps_all_widgets_until_they_are_closed(notebook):
    notebook.run(EXPLORE)
    once = notebook.open

    notebook.run("old = ex")
    notebook.run(EXPLORE)

    assert notebook.open == 2 * once
    notebook.run("old.close()")
    assert notebook.open == once
