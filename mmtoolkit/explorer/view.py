"""The widgets: the map, the panels, and the messages between them and the explorer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from mmtoolkit.explorer import cards, panel
from mmtoolkit.explorer.bridge import Bridge
from mmtoolkit.explorer.geometry import nearest
from mmtoolkit.explorer.mapview import MapView

if TYPE_CHECKING:
    from mmtoolkit.explorer.core import Explorer
    from mmtoolkit.explorer.selection import Mode

__all__ = ["View"]

logger = logging.getLogger(__name__)
_STYLE = f"<style>{Path(__file__).with_name('style.css').read_text('utf-8')}</style>"
_AUDIT = 50
_MANY = 20_000  # items above which the slider for k answers when it is let go, not while it moves


class View:
    """One box of widgets for one explorer.

    Parameters
    ----------
    ex : Explorer
        What is shown; the view listens to it.

    Attributes
    ----------
    box : ipywidgets.Box
        What a cell displays.
    bridge : Bridge
        Where messages arrive.
    """

    def __init__(self, ex: Explorer) -> None:
        self.ex = ex
        self.tab = "gallery"
        self.map = MapView(ex)
        self.bridge = Bridge(
            self.receive,
            self.map.figure,
            label=f"Map of {len(ex):,} items. Arrow keys go from item to item, Enter selects.",
            version=ex.layout.version,
            waiting=ex.layout.waiting,
        )
        self.html = {name: ipywidgets.HTML() for name in ("status", "legend", "keys", "queue", "card", "tabs", "body")}
        self.colors = ipywidgets.Dropdown(description="colour by")
        low, high = ex.k_range
        self.k = ipywidgets.IntSlider(description="clusters", min=low, max=high, continuous_update=len(ex) <= _MANY)
        self.box = self._box()
        self._quiet = False
        self.refresh(("selected", "annotations", "color", "queue", "focus", "status", "linked"))
        self.colors.observe(self._recolor, "value")
        self.k.observe(self._recluster, "value")
        ex.listen(self.refresh)

    def _box(self) -> ipywidgets.Box:
        def box(children: list[Any], name: str) -> Any:
            return ipywidgets.Box(children).add_class(name)

        fixed = [ipywidgets.HTML(text) for text in (panel.tools(), panel.search(), panel.help_html())]
        bar = box([fixed[0], fixed[1], self.colors, self.k], "mmx-bar")
        left = ipywidgets.VBox([self.map.figure, self.html["legend"], fixed[2]]).add_class("mmx-left")
        names = ("status", "queue", "keys", "card", "tabs", "body")
        right = ipywidgets.VBox([self.html[name] for name in names]).add_class("mmx-right")
        parts = [ipywidgets.HTML(_STYLE), self.bridge, bar, box([left, right], "mmx-main")]
        return ipywidgets.VBox(parts).add_class("mmx").add_class(self.bridge.target)

    # ---- from Python to the page

    def refresh(self, changed: tuple[str, ...]) -> None:
        """Bring the parts of the page that depend on `changed` up to date."""
        ex, html = self.ex, self.html
        if "layout" in changed:
            self.map.relocate()
            self.bridge.version, self.bridge.waiting = ex.layout.version, ex.layout.waiting
        if "color" in changed or "layout" in changed or ("annotations" in changed and ex.color_by == "annotation"):
            look = ex.look
            self.map.recolor(look)
            html["legend"].value = cards.legend(look)
        if {"color", "layout", "selected", "annotations"} & set(changed):
            self._choices()
        if "selected" in changed:
            self.map.select(ex.selection.rows)
        if "focus" in changed:
            self.map.focus(ex.focus)
        if {"focus", "annotations", "selected", "queue", "clusters"} & set(changed):
            html["card"].value = panel.card(ex)
        if {"annotations", "queue", "clusters"} & set(changed):
            html["keys"].value = cards.keys(ex.annotation_names)
            html["queue"].value = panel.queue(ex)
        if "linked" in changed and ex.linked is not None:
            self.tab = "counts"
        if {"selected", "annotations", "linked", "tab"} & set(changed) or (
            "clusters" in changed and self.tab == "counts"
        ):
            html["tabs"].value = panel.tabs(self.tab)
            html["body"].value = panel.body(ex, self.tab)
        if "status" in changed or "layout" in changed:
            html["status"].value = panel.status(ex)

    def _choices(self) -> None:
        self._quiet = True
        if self.colors.options != self.ex.color_choices:
            self.colors.options = self.ex.color_choices
        self.colors.value = self.ex.color_by
        k = self.ex.n_clusters
        self.k.layout.display = "none" if self.ex.clusters is None else ""
        if k is not None and self.ex.clusters is not None:
            self.k.min, self.k.max = min(self.k.min, k), max(self.k.max, k)
            self.k.value = k
        self._quiet = False

    # ---- from the page to Python

    def _recolor(self, change: Mapping[str, Any]) -> None:
        if not self._quiet:
            self._safely(lambda: setattr(self.ex, "color_by", change["new"]))

    def _recluster(self, change: Mapping[str, Any]) -> None:
        if not self._quiet and change["new"] != self.ex.n_clusters:
            self._safely(lambda: setattr(self.ex, "n_clusters", change["new"]))

    def receive(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Act on one message of the page; what goes wrong is shown in the status line and logged."""
        self._safely(lambda: self._act(content, buffers))

    def _safely(self, act: Any) -> None:
        try:
            act()
        except Exception as error:
            logger.exception("the explorer could not do what the page asked")
            self.ex.status = f"{type(error).__name__}: {error}"
            self.html["status"].value = panel.status(self.ex, error=True)

    def _act(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        kind = content["kind"]
        if kind == "hover":
            self._hover(int(content["row"]))
        elif kind in ("lasso", "box"):
            polygon = np.frombuffer(buffers[0]).reshape(-1, 2)
            self.ex.lasso(polygon, how=kind, mode=content["mode"], version=int(content["version"]))
        elif kind == "click":
            self._click(int(content["row"]), content["mode"])
        elif kind == "tap":
            place, edge = np.frombuffer(buffers[0]).reshape(2, 2)
            row = nearest(self.ex.layout.at(int(content["version"])), place, float(np.hypot(*(edge - place))))
            if row is not None:
                self._click(row, content["mode"])
        elif kind == "key":
            self._key(content["key"])
        elif kind == "action":
            self._action(content["name"], content["value"], content.get("mode", "replace"))
        elif kind == "ready":
            self.bridge.ready()
            self.map.ready()
        elif kind == "tick":
            if not self.ex.layout.poll() or self.ex.layout.waiting:
                self.bridge.send({"kind": "tock"})
            else:
                self.ex.changed("layout", status=self.ex.layout.note or "the map is ready")

    def _click(self, row: int, mode: Mode) -> None:
        self.ex.show(row)
        if mode != "replace":
            self.ex.select(row, how="click", mode=mode)

    def _hover(self, row: int) -> None:
        html = cards.tip(self.ex.item(row), self.ex.facts(row))
        self.bridge.send({"kind": "tip", "row": row, "html": html})
        self.ex.hover(row)

    def _key(self, key: str) -> None:
        ex = self.ex
        if key.isdigit():
            if int(key) <= len(ex.annotation_names):
                ex.label(ex.annotation_names[int(key) - 1])
        elif key in ("left", "right", "up", "down"):
            ex.move(key)  # type: ignore[arg-type]  # one of the four
        elif key in ("l", "b", "m"):
            self.bridge.tool = {"l": "lasso", "b": "box", "m": "move"}[key]
        elif key == "toggle" and ex.focus is not None:
            self._toggle(ex.focus)
        elif key == "n" and ex.asked is not None:
            ex.skip()
        elif key in ("u", "i", "Escape"):
            {"u": ex.undo, "i": ex.invert, "Escape": ex.clear}[key]()

    def _toggle(self, row: int) -> None:
        self.ex.select(row, how="click", mode="remove" if row in self.ex.selection.rows else "add")

    def _action(self, name: str, value: str, mode: Any) -> None:
        ex = self.ex
        if name in ("invert", "clear", "undo", "skip"):
            getattr(ex, name)()
        elif name in ("focus", "similar"):
            self._click(int(value), mode) if name == "focus" else ex.similar(int(value))
        elif name == "toggle":
            self._toggle(int(value))
        elif name == "search" and value.strip():
            ex.search(value.strip())
        elif name == "new-label" and value.strip():
            ex.label(value)
        elif name == "label":
            ex.label(ex.annotation_names[int(value)])
        elif name == "group":
            group = ex.look.groups[int(value)]
            ex.select(group.rows, how=f"{ex.color_by}: {group.name.rsplit(' (', 1)[0]}", mode=mode)
        elif name == "review":
            ex.audit_sample(self._audit_size()) if value == "audit" else ex.review(value or None)
        elif name == "answer":
            ex.answer(value == "yes")
        elif name == "tab":
            self._open_tab(value)
        elif name in ("row", "column", "cell"):
            self._open_cell(name, value)

    def _audit_size(self) -> int:
        """Fifty items, and fifty more whenever those are judged."""
        return _AUDIT * (1 + int(self.ex.audited.sum()) // _AUDIT)

    def _open_tab(self, tab: str) -> None:
        self.tab = tab
        if tab == "counts" and self.ex.linked is None and self.ex.labels is not None:
            self.ex.link()
        self.refresh(("tab",))

    def _open_cell(self, name: str, value: str) -> None:
        assert self.ex.linked is not None
        counts = self.ex.linked.counts
        i, j = value.split(",") if name == "cell" else (value, value)
        row = counts.index[int(i)] if name != "column" else None
        column = counts.columns[int(j)] if name != "row" else None
        self.ex.cell(row, column)
