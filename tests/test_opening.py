"""Paths that lead to no file with an end: pipes, devices, files that claim to be huge. Each fails by name, at once."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import mmtoolkit as mm

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture
def strange(tmp_path: Path) -> dict[str, str]:
    """Paths by kind."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zeros.png").symlink_to("/dev/zero")
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(300 * 2**30)  # no byte of it is on disk
    (tmp_path / "circle.png").symlink_to("circle.png")
    return {name: os.fspath(tmp_path / f"{name}.png") for name in ("pipe", "zeros", "huge", "circle")}


_WHY = {
    "pipe": "it is a pipe",
    "zeros": "it is a device",
    "huge": "it has 322,122,547,200 bytes",
    "circle": "cannot read",
}


@pytest.mark.parametrize("cached", [True, False])
@pytest.mark.parametrize("wrap", [mm.Image, lambda path: mm.Video(path, frames=2)], ids=["image", "video"])
def test_what_is_no_file_fails_by_name_and_the_other_items_are_embedded(
    strange: dict[str, str], wrap: object, cached: bool, tmp_path: Path
) -> None:
    good = mm.Image(np.full((8, 8, 3), 90, dtype=np.uint8))

    emb = mm.embed(
        [good, *(wrap(path) for path in strange.values())],  # type: ignore[operator]
        model="local",
        cache=tmp_path / "cache" if cached else False,
        on_error="nan",
        progress=False,
    )

    assert emb.ok.tolist() == [True, False, False, False, False]
    assert emb.failed["name"].tolist() == [Path(path).name for path in strange.values()]
    for why, reason in zip(_WHY.values(), emb.failed["reason"], strict=True):
        assert why in reason


def test_a_folder_with_such_names_is_read_and_they_are_counted(strange: dict[str, str]) -> None:
    folder = Path(strange["pipe"]).parent
    (folder / "bird.png").write_bytes(b"a picture")

    frame = mm.read_folder(folder)

    assert frame["id"].tolist() == ["bird.png", "huge.png"]
    assert frame.attrs["left_out"] == {"broken links": 2, "no files": 1}


@pytest.mark.parametrize(
    "read",
    [mm.Embeddings.load, mm.load_classifier, mm.verify, lambda path: mm.verify(path.rename(path.with_suffix(".html")))],
    ids=["vectors", "classifier", "report", "page"],
)
def test_no_reader_waits_for_a_pipe(read: object, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "classifier.json")

    with pytest.raises(mm.MMToolkitError, match="it is a pipe"):
        read(tmp_path if read is mm.load_classifier else tmp_path / "classifier.json")  # type: ignore[operator]
