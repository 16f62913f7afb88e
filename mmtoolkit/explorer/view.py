"""The widgets: the map, the panels, and the messages between them and the explorer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets
import numpy as np

from mmtoolkit._text import is_blank
from mmtoolkit.explorer import cards, filterbar, keys, kinds, panel
from mmtoolkit.explorer.bridge import Bridge
from mmtoolkit.explorer.geometry import nearest
from mmtoolkit.explorer.mapview import MapView
from mmtoolkit.explorer.selection import Mode
from mmtoolkit.words import say, speaking

if TYPE_CHECKING:
    from mmtoolkit.explorer.core import Explorer

__all__ = ["View"]

logger = logging.getLogger(__name__)
_AUDIT = 50
_MANY = 5_000  # items above which the slider for k answers when it is let go, not while it moves


def _style() -> str:
    gone = say("The kernel that this map belongs to is gone: run the cell again.")
    colon = say("{what}: {told}", what="", told="")
    css = Path(__file__).with_name("style.css").read_text("utf-8")
    return f'<style>.mmx {{ --gone: "{gone}"; --colon: "{colon}"; }}\n{css}</style>'


def _parts(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
    """Return all widgets that a widget is made of: its children, its layout, its style, and theirs."""
    values = [getattr(widget, name) for name in widget.keys]  # of its traits
    inner = [part for value in values for part in (value if isinstance(value, (list, tuple)) else [value])]
    return [each for part in inner if isinstance(part, ipywidgets.Widget) for each in (part, *_parts(part))]


class View(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """The box of widgets that a cell displays, for one explorer.

    Parameters
    ----------
    ex : Explorer
        What is shown; the view listens to it.

    Attributes
    ----------
    bridge : Bridge
        Where messages arrive.
    users : int
        How often it was asked for: by cells that show it, and by those who put it into a box.
    """

    def __init__(self, ex: Explorer) -> None:
        self.ex: Explorer = ex
        self.users = 0
        self.tab = "gallery"
        self.filters_open = True
        self.beside = False  # whether the gallery shows what is like the item under review, and not the selection
        with speaking(ex.language):
            super().__init__(self._built())
            self.add_class("mmx").add_class(self.bridge.target)
            self._quiet = False
            self.refresh(("selected", "annotations", "color", "queue", "focus", "status", "linked", "filters"))
        self.colors.observe(self._recolor, "value")
        self.k.observe(self._recluster, "value")
        ex.listen(self.refresh)

    def _built(self) -> list[ipywidgets.Widget]:
        """Make the widgets, and return those that stand in the box."""
        ex = self.ex
        self.map = MapView(ex.state)
        self.bridge = Bridge(
            self.receive,
            self.map.figure,
            label=str(say("Map of {n:,} items. Arrow keys go from item to item, Enter selects.", n=len(ex))),
            shortcuts=keys.page_table(),
            version=ex.layout.version,
            waiting=self._waiting,
        )
        self.html = {name: ipywidgets.HTML() for name in _PANELS}
        self.colors = ipywidgets.Dropdown(description=str(say("colour by")))
        low, high = ex.k_range
        self.k = ipywidgets.IntSlider(
            description=str(say("clusters")), min=low, max=high, continuous_update=len(ex) <= _MANY
        )

        def box(children: list[Any], name: str) -> Any:
            return ipywidgets.Box(children).add_class(name)

        fixed = [ipywidgets.HTML(text) for text in (panel.tools(), panel.search(), panel.help_html())]
        bar = box([fixed[0], fixed[1], self.colors, self.k], "mmx-bar")
        left = ipywidgets.VBox([self.map.figure, self.html["legend"], self.html["filters"], fixed[2]]).add_class(
            "mmx-left"
        )
        beside = [html for name, html in self.html.items() if name not in ("legend", "filters")]
        right = ipywidgets.VBox(beside).add_class("mmx-right")
        return [ipywidgets.HTML(_style()), self.bridge, bar, box([left, right], "mmx-main")]

    def close(self) -> None:
        """Close the box and all widgets in it; the explorer stays, and makes others when it is shown again."""
        if self.comm is None:
            return
        self.ex._view = None
        self.ex.state.listeners.unlisten(self.refresh)
        parts = _parts(self)
        super().close()
        for part in parts:
            part.close()

    # ---- from Python to the page

    def refresh(self, changed: tuple[str, ...]) -> None:
        """Bring what depends on `changed` up to date."""
        with speaking(self.ex.language):
            self._refresh(changed)

    def _refresh(self, changed: tuple[str, ...]) -> None:
        names = {*changed, *(name for cause in changed for name in _BRINGS.get(cause, ()))}
        if names & {"annotations", "queue"} and self.ex.color_by in ("annotation", *self.ex.state.predictions):
            names.add("color")
        if "linked" in names and self.ex.linked is not None:
            self.tab = "counts"
        if "clusters" in names and self.tab == "counts":
            names.add("tab")
        if names & {"queue", "selected"}:
            chosen = "selected" in changed and len(self.ex.selection)
            self.beside = self.ex.asked is not None and not chosen
            names.add("tab")
        for name, (causes, write) in _PANELS.items():  # first: the page needs longer for a map of many dots
            if names & causes:
                self.html[name].value = write(self)
        for causes, draw in _WIDGETS:
            if names & causes:
                draw(self)

    @property
    def _waiting(self) -> bool:
        """Whether a map or the items of a review are still computed."""
        return self.ex.layout.waiting or self.ex.reviews.later is not None

    def _await(self) -> None:
        self.bridge.waiting = self._waiting

    def _paint(self) -> None:
        look = self.ex.look
        self.map.recolor(look)
        self.bridge.names = self.map.names(look)

    def _relocate(self) -> None:
        self.map.relocate()
        self.bridge.version = self.ex.layout.version

    def _choices(self) -> None:
        self._quiet = True
        choices = tuple((self.ex.state.color_title(name), name) for name in self.ex.color_choices)
        if self.colors.options != choices:
            self.colors.options = choices
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
            self._busily(lambda: setattr(self.ex, "color_by", change["new"]))

    def _recluster(self, change: Mapping[str, Any]) -> None:
        if not self._quiet and change["new"] != self.ex.n_clusters:
            self._busily(lambda: setattr(self.ex, "n_clusters", change["new"]))

    def receive(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        """Act on one message of the page; what goes wrong is shown in the status line and logged."""
        act = _MESSAGES[content["kind"]]
        if content["kind"] in _UNSEEN:
            self._safely(lambda: act(self, content, buffers))
        else:
            self._busily(lambda: act(self, content, buffers))

    def _busily(self, act: Callable[[], object]) -> None:
        """Act, and let the page show that the kernel works when it takes long."""
        self.bridge.send({"kind": "busy"})
        try:
            self._safely(act)
        finally:
            self.bridge.send({"kind": "done"})

    def _safely(self, act: Callable[[], object]) -> None:
        with speaking(self.ex.language):
            try:
                act()
            except Exception as error:  # nobody catches it in a kernel: the page shows it, the log has all of it
                logger.exception("the explorer could not do what the page asked")
                self.ex.status = say("this could not be done ({kind}: {why})", kind=type(error).__name__, why=error)
                self.html["status"].value = panel.status(self.ex.state, error=True)

    def _hover(self, row: int) -> None:
        html = cards.tip(self.ex.item(row), self.ex.facts(row))
        self.bridge.send({"kind": "tip", "row": row, "html": html})
        self.ex.hover(row)

    def _loop(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        polygon = np.frombuffer(buffers[0]).reshape(-1, 2)
        self.ex.lasso(polygon, how=content["kind"], mode=content["mode"], version=int(content["version"]))

    def _tap(self, content: Mapping[str, Any], buffers: Sequence[bytes]) -> None:
        place, edge = np.frombuffer(buffers[0]).reshape(2, 2)
        coords = self.ex.state.seen(self.ex.layout.at(int(content["version"])))
        row = nearest(coords, place, float(np.hypot(*(edge - place))))
        if row is not None:
            self._click(row, content["mode"])

    def _click(self, row: int, mode: Mode) -> None:
        self.ex.show(row)
        if mode != "replace":
            self.ex.select(row, how="click", mode=mode)

    def _press(self, key: str, asked: str | None) -> None:
        row = keys.find(key, self)
        if row is not None and not (row.answers and self._late(asked)):
            row.does(self)

    def _act(self, name: str, value: str, mode: Mode, asked: str | None) -> None:
        if not (name in _ANSWERS and self._late(asked)):
            _ACTIONS[name](self, value, mode)

    def _late(self, asked: str | None) -> bool:
        """Return whether an answer is about another item than the one under review: of a key pressed twice, or of two pages."""
        if asked in (None, "" if self.ex.asked is None else str(self.ex.asked)):
            return False
        self.ex.changed(status=say("no answer was taken, because the question has changed: look at the card"))
        return True

    def _ready(self) -> None:
        self.bridge.ready()
        self.map.ready()

    def _tick(self) -> None:
        if self.ex.layout.poll() and not self.ex.layout.waiting:
            self.ex.changed("layout", status=self.ex.layout.note or say("the map is ready"))
        try:
            self.ex.reviews.poll()
        finally:
            self.refresh(("tick",))
            if self._waiting:
                self.bridge.send({"kind": "tock"})

    def toggle(self, row: int | None = None) -> None:
        """Add an item, or the one in focus, to the selection, or remove it."""
        row = self.ex.focus if row is None else row
        self.ex.select(row, how="click", mode="remove" if row in self.ex.selection.rows else "add")

    def _group(self, place: int, mode: Mode) -> None:
        group = self.ex.look.groups[place]
        self.ex.select(group.rows, how=f"{self.ex.color_by}: {group.name.rsplit(' (', 1)[0]}", mode=mode)

    def _toggle_filters(self) -> None:
        self.filters_open = not self.filters_open
        self.refresh(("filters",))

    def _filter(self, value: str) -> None:
        place, i = map(int, value.split(":"))
        facet: Any = self.ex.state.filter.facets[place]
        self.ex.where = self.ex.state.filter.toggled(facet, facet.values[i])

    def _range(self, value: str) -> None:
        place, side, text = value.split(":", 2)
        facet: Any = self.ex.state.filter.facets[int(place)]
        try:
            self.ex.where = self.ex.state.filter.ranged(facet, **{side: text})
        except ValueError:
            self.refresh(("filters",))  # the field shows what holds
            raise

    def _review(self, name: str) -> None:
        more = int(self.ex.audited.sum()) // _AUDIT if name and kinds.KINDS[name].counts else 0
        self.ex.review(name or None, n=_AUDIT * (1 + more), wait=False)

    def _body(self) -> str:
        if self.beside and self.tab == "gallery":
            return panel.beside(self.ex.reviews)
        return panel.body(self.ex.state, self.ex.linked, self.tab)

    def _open_tab(self, tab: str) -> None:
        self.tab = tab
        if tab == "counts" and self.ex.linked is None and self.ex.labels is not None:
            self.ex.link()
        self.refresh(("tab",))

    def _open_cell(self, i: str = "", j: str = "") -> None:
        assert self.ex.linked is not None
        counts = self.ex.linked.counts
        self.ex.cell(counts.index[int(i)] if i else None, counts.columns[int(j)] if j else None)


_BRINGS = {
    "layout": ("color", "status"),
    "where": ("color", "filters", "tab"),
    "linked": ("tab",),
    "selected": ("tab",),
    "annotations": ("tab",),
}

# what is drawn anew: after which changes, and how
_WIDGETS: tuple[tuple[set[str], Callable[[View], object]], ...] = (
    ({"layout"}, View._relocate),
    ({"layout", "queue"}, View._await),
    ({"where"}, lambda view: view.map.filter()),
    ({"color"}, View._paint),
    ({"color", "selected", "annotations", "queue"}, View._choices),
    ({"selected"}, lambda view: view.map.select(view.ex.selection.rows)),
    ({"focus", "where"}, lambda view: view.map.focus(view.ex.focus)),
)
_PANELS: dict[str, tuple[set[str], Callable[[View], str]]] = {
    "status": ({"status"}, lambda view: panel.status(view.ex.state)),
    "filters": ({"filters"}, lambda view: filterbar.bar(view.ex.state.filter, opened=view.filters_open)),
    "legend": ({"color", "selected"}, lambda view: panel.legend(view.ex.state)),
    "queue": ({"annotations", "queue", "clusters", "where"}, lambda view: panel.queue(view.ex.reviews)),
    "looking": ({"tick", "queue"}, lambda view: panel.looking(view.ex.reviews)),
    "keys": ({"annotations", "queue", "clusters"}, lambda view: cards.keys(view.ex.annotation_names)),
    "card": ({"focus", "annotations", "selected", "queue", "clusters"}, lambda view: panel.card(view.ex.reviews)),
    "tabs": ({"tab"}, lambda view: panel.tabs(view.tab)),
    "body": ({"tab"}, lambda view: view._body()),
}

# what the page sends: kind of the message, and what is done with it
_MESSAGES: Mapping[str, Callable[[View, Mapping[str, Any], Sequence[bytes]], object]] = {
    "hover": lambda view, content, _: view._hover(int(content["row"])),
    "lasso": View._loop,
    "box": View._loop,
    "click": lambda view, content, _: view._click(int(content["row"]), content["mode"]),
    "tap": View._tap,
    "key": lambda view, content, _: view._press(content["key"], content.get("asked")),
    "action": lambda view, content, _: view._act(
        content["name"], content["value"], content.get("mode", "replace"), content.get("asked")
    ),
    "ready": lambda view, *_: view._ready(),
    "tick": lambda view, *_: view._tick(),
    "fit": lambda view, *_: view.map.fit(),
}

_ANSWERS = ("answer", "label", "new-label")  # actions that say something of the item under review
_UNSEEN = ("hover", "tick", "ready", "fit")  # nobody waits for these

# buttons and text fields: name of the action, and what it does with the button's value and the mode of selecting
_ACTIONS: Mapping[str, Callable[[View, str, Mode], object]] = {
    "invert": lambda view, *_: view.ex.invert(),
    "clear": lambda view, *_: view.ex.clear(),
    "undo": lambda view, *_: view.ex.undo(),
    "skip": lambda view, *_: view.ex.skip(),
    "focus": lambda view, value, mode: view._click(int(value), mode),
    "similar": lambda view, value, _: view.ex.similar(int(value)),
    "toggle": lambda view, value, _: view.toggle(int(value)),
    "search": lambda view, value, _: is_blank(value) or view.ex.search(value.strip()),
    "new-label": lambda view, value, _: is_blank(value) or view.ex.label(value),
    "label": lambda view, value, _: view.ex.label(view.ex.annotation_names[int(value)]),
    "filters": lambda view, *_: view._toggle_filters(),
    "filter": lambda view, value, _: view._filter(value),
    "range": lambda view, value, _: view._range(value),
    "show-all": lambda view, *_: setattr(view.ex, "where", None),
    "group": lambda view, value, mode: view._group(int(value), mode),
    "split": lambda view, value, _: view.ex.split(int(value)),
    "merge": lambda view, value, _: view.ex.merge([int(cluster) for cluster in value.split(",")]),
    "review": lambda view, value, _: view._review(value),
    "answer": lambda view, value, _: view.ex.answer(value == "yes"),
    "tab": lambda view, value, _: view._open_tab(value),
    "row": lambda view, value, _: view._open_cell(value),
    "column": lambda view, value, _: view._open_cell(j=value),
    "cell": lambda view, value, _: view._open_cell(*value.split(",")),
}
