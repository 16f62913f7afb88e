"""Write a page of the reference for every public name; a name that no group has is an error."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

import mmtoolkit as mm
from mmtoolkit.results import Result

GROUPS = {
    "Items": ("items", "read_folder", "load_dataset", "Text", "Image", "Video", "Fused"),
    "Vectors": (
        "embed",
        "embed_texts",
        "embed_images",
        "embed_videos",
        "estimate",
        "Embeddings",
        "concat",
        "Embedder",
        "EmbeddingCache",
    ),
    "Classes": ("classify", "load_classifier", "zero_shot", "compare", "audit", "check_new"),
    "Clusters and maps": ("cluster", "project", "pick", "near_duplicates"),
    "Search": ("search", "evaluate_search", "similarity"),
    "Look, keep, verify": ("explore", "report", "verify", "diff"),
    "Models": (
        *("DashScope", "DashScopeRerank", "OpenAICompatible", "FunctionProvider", "Provider", "Reranker"),
        *("ModelSpec", "get_model", "list_models", "register_model"),
    ),
    "Errors": ("MMToolkitError",),
    "Spark": tuple(f"spark.{name}" for name in mm.spark.__all__),
    "Protocols": tuple(f"protocols.{name}" for name in mm.protocols.__all__),
}


def _find(name: str) -> object:
    found: object = mm
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _results() -> list[type]:
    """Return the classes of what verbs give, and the explorer."""
    todo, found = [Result], {type(mm.explore([[0.0, 1.0], [1.0, 0.0]], projection=[[0, 0], [1, 1]]))}
    for name in [*mm.__all__, *GROUPS["Spark"], *GROUPS["Protocols"]]:
        _find(name)  # imports where it lives
    while todo:
        todo += (one := todo.pop()).__subclasses__()
        found |= {one} if one.__module__.startswith("mmtoolkit") else set()
    return sorted(found - {_find(name) for group in GROUPS.values() for name in group}, key=lambda cls: cls.__name__)


def _page(title: str, target: str, thing: object, figures: Sequence[str]) -> str:
    kind = "class" if inspect.isclass(thing) else "function"
    members = (
        "\n   :members:\n   :inherited-members:\n   :exclude-members: get_metadata_routing, set_output"
        if kind == "class"
        else ""
    )
    page = f"{title}\n{'=' * len(title)}\n\n.. auto{kind}:: {target}{members}\n"
    if figures:
        page += '\nFigures\n-------\n\n.. raw:: html\n\n   <script src="../_static/plotly.min.js"></script>\n'
        page += "".join(f"\n.. raw:: html\n   :file: ../_figures/{name}.html\n" for name in figures)
    return page


def write(folder: Path, figures: Mapping[str, Sequence[str]]) -> None:
    """Write the pages, and an index of them.

    Parameters
    ----------
    folder : Path
        Where; pages of names that are gone are deleted.
    figures : mapping of str to sequence of str
        Files of figures, by the verb whose results draw them.
    """
    public = {name for name in mm.__all__ if name not in ("spark", "protocols")}
    listed = {name for group in GROUPS.values() for name in group if "." not in name}
    if public != listed:
        msg = f"docs/reference.py: {sorted(public ^ listed)} are public and in no group, or the other way round"
        raise ValueError(msg)
    pages = {}
    lines = ["Reference", "=========", "", "Every public name, with its example; the tests run them all.", ""]
    for group, names in GROUPS.items():
        lines += [group, "-" * len(group), "", ".. toctree::", "   :maxdepth: 1", ""]
        for name in names:
            pages[name] = _page(f"mm.{name}", f"mmtoolkit.{name}", _find(name), figures.get(name, ()))
            lines.append(f"   {name}")
        lines.append("")
    lines += ["What comes back", "---------------", "", ".. toctree::", "   :maxdepth: 1", ""]
    for cls in _results():
        pages[cls.__name__] = _page(cls.__name__, f"{cls.__module__}.{cls.__qualname__}", cls, ())
        lines.append(f"   {cls.__name__}")
    pages["index"] = "\n".join(lines) + "\n"
    for path in folder.glob("*.rst"):
        if path.stem not in pages:
            path.unlink()
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        path = folder / f"{name}.rst"
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")
