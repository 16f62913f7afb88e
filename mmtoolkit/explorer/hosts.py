"""Metadata that programs for notebooks need beside the widget; so far only Colab needs some."""

from __future__ import annotations

import importlib
import sys
from typing import Any

__all__ = ["VIEW", "display_metadata"]

VIEW = "application/vnd.jupyter.widget-view+json"


def display_metadata() -> dict[str, Any]:
    """Return the metadata of a display: in Colab, who loads widgets that are not ipywidgets' own; elsewhere nothing.

    Colab shows such widgets once its custom widget manager is enabled, and adds the metadata to what ``display`` shows; what
    a cell ends with gets none, so it comes from here.
    """
    if "google.colab" not in sys.modules:
        return {}
    output = importlib.import_module("google.colab.output")
    output.enable_custom_widget_manager()
    url = getattr(getattr(output, "_widgets", None), "_installed_url", None)
    return {} if url is None else {VIEW: {"colab": {"custom_widget_manager": {"url": url}}}}
