"""From whatever a user calls items to contents and their frame."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from mmtoolkit._rows import is_missing, unique_ids
from mmtoolkit.content import Fused, Image, Text, Video
from mmtoolkit.frames import contents_of, frame_of, wrap
from mmtoolkit.frames import items as as_items

if TYPE_CHECKING:
    import pandas as pd

    from mmtoolkit.content import Content

__all__ = ["each", "gather"]


def gather(items: Any) -> tuple[list[Content], pd.DataFrame]:
    """Return contents and items frame of whatever a user calls items; a str is a text."""
    import pandas as pd

    if isinstance(items, pd.DataFrame):
        if not {"id", "modality", "text", "image", "video"} <= set(items.columns):
            items = as_items(items)
        unique_ids([None if is_missing(value) else value for value in items["id"].tolist()])
        return contents_of(items), items
    contents: list[Content] = each(items, Text, (str, Text, Image, Video, Fused))
    return contents, frame_of(contents)


def each(values: Any, kind: type[Content], single: tuple[type, ...]) -> list[Content]:
    """Return one content per value; values of the `single` types stand for themselves."""
    if isinstance(values, single):
        values = [values]
    if isinstance(values, Mapping) or not isinstance(values, Iterable):
        msg = f"expected an items frame, {kind.__name__} or a list of such items, got {type(values).__name__}"
        raise TypeError(msg)
    contents = []
    for row, value in enumerate(values):
        try:
            contents.append(wrap(value, kind))
        except TypeError as error:
            msg = f"row {row}: {error}"
            raise TypeError(msg) from error
    return contents
