"""Show the explorer: in a cell, as a figure, as a file."""

from __future__ import annotations

import os
from concurrent.futures import wait as futures_wait
from typing import TYPE_CHECKING, Any

from mmtoolkit.thumbnails import item_name
from mmtoolkit.words import Language, say, speaking

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from mmtoolkit.explorer.core import Explorer

__all__ = ["bundle", "close", "figure", "save", "wait"]


def wait(self: Explorer, timeout_s: float | None = None) -> bool:
    """Wait for the map, and for the items of a review, that are being computed.

    Parameters
    ----------
    timeout_s : float or None, default=None
        Seconds; None waits as long as it takes.

    Returns
    -------
    bool
        Whether both are there.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> mm.explore(np.eye(3), projection=np.eye(3)[:, :2]).wait()
    True
    """
    if self.layout.poll(timeout_s):
        self.changed("layout", status=self.layout.note or say("the map is ready"))
    if (later := self.reviews.later) is not None:
        futures_wait([later[2]], timeout_s)
        self.reviews.poll()
    return not (self.layout.waiting or self.reviews.later)


def figure(self: Explorer) -> go.Figure:
    """Return the map as a plain Plotly figure, coloured as now; of the UMAP if it is there by now.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(3), y=list("aab"), projection=np.eye(3)[:, :2])
    >>> [trace.name for trace in ex.figure().data]
    ['a (2)', 'b (1)']
    """
    from mmtoolkit.figures import scatter_map

    self.wait(0)
    with speaking(self.language):
        look = self.look
        return scatter_map(
            self.coords,
            color=look.values,
            groups=look.groups or None,
            hover=[item_name(self.item(row)) for row in range(len(self))],
            title=say("{n:,} item", "{n:,} items", n=len(self)),
            caption=str(self.layout.note),
            color_title=self.state.color_title(look.name),
        )


def save(
    self: Explorer,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    language: Language | None = None,
    wait: bool = True,
    picture_bytes: int | None = None,
) -> None:
    """Write an explorer without a kernel: one HTML file that opens anywhere and asks nothing of the network.

    It has colour by any column, filters by legend and by words, lasso and box with a gallery, copy of ids, names on the
    map, light and dark. Search by meaning and annotations need the kernel.

    Parameters
    ----------
    path : path
        Such as "map.html"; a file of that name is replaced.
    title : str or None, default=None
        Heading of the page; None says how many items there are.
    language : {"en", "zh"} or None, default=None
        Of the page; None is that of the explorer.
    wait : bool, default=True
        Wait for a map that is being computed. False writes the PCA if the UMAP is not there yet.
    picture_bytes : int or None, default=None
        What all pictures together may take. None is what 4.7 MB have left beside texts and columns. They get smaller,
        down to 48 pixels, to fit; then an even choice of the items has one, and the page says so.

    Raises
    ------
    ValueError
        If `path` is a folder, its folder does not exist, or its ending is not that of an HTML file.
    MMToolkitError
        If the file cannot be written; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> file = Path(tempfile.mkdtemp()) / "map.html"
    >>> mm.explore(np.eye(3), projection=np.eye(3)[:, :2]).save(file, title="Three points")
    >>> file.read_text("utf-8")[:15]
    '<!doctype html>'
    """
    from mmtoolkit.explorer.mapfile import save_map

    self.wait(None if wait else 0)
    with speaking(self.language if language is None else language):
        save_map(path, self.state, title=title, picture_bytes=picture_bytes)


def close(self: Explorer) -> None:
    """Take the explorer off all pages: its widgets are closed, a map that is still computed is stopped.

    Selection and annotations stay, and so does the explorer: a cell that ends with it shows it with new widgets. Nothing
    happens where it is shown nowhere. A cell that ended with an explorer and has run again closes the old one by itself.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
    >>> box = ex.widget
    >>> ex.select([2])
    >>> ex.close()
    >>> ex.selected["id"].tolist(), box is ex.widget
    (['2'], False)
    """
    self.layout.pause()
    if self._view is not None:
        self._view.close()


def bundle(self: Explorer, **_: Any) -> dict[str, Any] | tuple[dict[str, Any], dict[str, Any]]:
    """Return what a cell shows: the widget, and a still picture where there is no kernel."""
    import base64

    from mmtoolkit.explorer import cells
    from mmtoolkit.explorer.hosts import display_metadata
    from mmtoolkit.explorer.still_image import still, still_html

    self.wait(0)
    view = self.widget
    cells.watch(view)
    bundle: dict[str, Any] = dict(view._repr_mimebundle_())
    view.map.sync()
    png = still(self.state)
    with speaking(self.language):
        bundle |= {
            "text/plain": repr(self),
            "text/html": still_html(self.state, png),
            "image/png": base64.b64encode(png).decode(),
        }
    metadata = display_metadata()
    return (bundle, metadata) if metadata else bundle
