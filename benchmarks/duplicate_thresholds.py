"""Where the offline model should cut near duplicates from near neighbours, per modality, and the share of either error.

    python benchmarks/duplicate_thresholds.py

The same thing twice: a picture in half the size, as JPEG of quality 40 and 75, as WebP, with 64 colours, with a margin of 3 %
added or 2 % cut off; a text with a letter dropped, two letters swapped, another case, a full stop, double spaces; a video in
half the size, of lower quality, in half the frame rate. Different things: each item's nearest neighbour that has
another name. Prints, per modality, a Markdown table of thresholds. The model's row has one at which about 2 % of the
neighbours or fewer are taken for the same: a missed copy makes a score a little too good, a false one hides an item.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image as PILImage
from PIL import ImageOps

import mmtoolkit as mm
from mmtoolkit.models import get_model

GRID = (0.9, 0.92, 0.94, 0.95, 0.96, 0.965, 0.97, 0.975, 0.98, 0.985, 0.99, 0.995, 0.998)


def saved(picture: PILImage.Image, **options: object) -> mm.Image:
    out = io.BytesIO()
    picture.save(out, **options)
    return mm.Image(out.getvalue())


def pictures_again(path: str) -> Iterator[tuple[str, mm.Image]]:
    picture = mm.Image(path).parts[0].open().convert("RGB")
    side = max(picture.size)
    yield "half the size", saved(picture.resize([max(1, s // 2) for s in picture.size]), format="PNG")
    yield "JPEG, quality 75", saved(picture, format="JPEG", quality=75)
    yield "JPEG, quality 40", saved(picture, format="JPEG", quality=40)
    yield "WebP", saved(picture, format="WEBP", quality=80)
    yield "64 colours", saved(picture.quantize(64), format="PNG")
    yield "margin of 3 %", saved(ImageOps.expand(picture, round(0.03 * side), "white"), format="PNG")
    yield "2 % cut off", saved(ImageOps.crop(picture, round(0.02 * side)), format="PNG")


def texts_again(text: str, rng: np.random.Generator) -> Iterator[tuple[str, mm.Text]]:
    at = int(rng.integers(1, max(len(text) - 1, 2)))
    yield "a letter dropped", mm.Text(text[:at] + text[at + 1 :])
    yield "two letters swapped", mm.Text(text[: at - 1] + text[at : at + 1] + text[at - 1 : at] + text[at + 1 :])
    yield "first letter in the other case", mm.Text(text[:1].swapcase() + text[1:])
    yield "a full stop", mm.Text(text.removesuffix(".") if text.endswith(".") else f"{text}.")
    yield "double spaces", mm.Text(text.replace(" ", "  "))


def videos_again(path: str, folder: Path) -> Iterator[tuple[str, mm.Video]]:
    import av

    for name, scale, rate, quality in (
        ("half the size", 2, 1, 23),
        ("lower quality", 1, 1, 38),
        ("half the frame rate", 1, 2, 23),
    ):
        target = folder / f"{Path(path).stem}-{name.replace(' ', '-')}.mp4"
        with av.open(path) as source, av.open(target, "w") as out:
            stream = source.streams.video[0]
            made = out.add_stream(
                "libx264", rate=max(int(stream.average_rate / rate), 1), options={"crf": str(quality)}
            )
            made.width, made.height, made.pix_fmt = (
                stream.width // scale // 2 * 2,
                stream.height // scale // 2 * 2,
                "yuv420p",
            )
            for number, frame in enumerate(source.decode(stream)):
                if number % rate == 0:
                    picture = frame.reformat(made.width, made.height, "yuv420p")
                    picture.pts = None
                    for packet in made.encode(picture):
                        out.mux(packet)
            for packet in made.encode():
                out.mux(packet)
        yield name, mm.Video(target)


def vectors(contents: list) -> np.ndarray:
    return mm.embed(contents, model="local", cache=False, progress=False).unit


def judged(title: str, frame: pd.DataFrame, modality: str, again: list[list[tuple[str, object]]]) -> None:
    kind = {"image": mm.Image, "text": mm.Text, "video": mm.Video}[modality]
    X = vectors([kind(value) for value in frame[modality]])
    same = {}
    for name in [name for name, _ in again[0]]:
        copies = vectors([next(c for n, c in row if n == name) for row in again])
        same[name] = (X[: len(copies)] * copies).sum(axis=1)
    names = frame["text"].str.lower().to_numpy(dtype=str)
    cosine = X @ X.T
    cosine[names[:, None] == names[None, :]] = -1
    nearest = cosine.max(axis=1)
    print(
        f"\n{title}: lowest twentieth of the same: "
        + ", ".join(f"{n} {np.quantile(v, 0.05):.3f}" for n, v in same.items())
    )
    together = np.concatenate(list(same.values()))
    now = get_model("local").duplicate_thresholds[modality]
    print("| threshold | same things missed | neighbours taken for the same |\n| --- | --- | --- |")
    for cut in sorted({*GRID, now}):
        print(f"| {cut}{' (the row)' * (cut == now)} | {(together < cut).mean():.1%} | {(nearest >= cut).mean():.1%} |")


def main() -> None:
    rng = np.random.default_rng(0)
    for name in ("stamps", "emoji"):
        frame = mm.load_dataset(name)
        frame = frame.sample(frac=1, random_state=0).reset_index(drop=True)  # copies are made of the first 120
        judged(name, frame, "image", [list(pictures_again(path)) for path in frame["image"].iloc[:120]])
    for name in ("stamps", "glosses"):
        frame = mm.load_dataset(name).drop_duplicates("text")
        judged(f"{name}, texts", frame, "text", [list(texts_again(text, rng)) for text in frame["text"].iloc[:1000]])
    with tempfile.TemporaryDirectory() as folder:
        frame = mm.load_dataset("clips")
        judged("clips", frame, "video", [list(videos_again(path, Path(folder))) for path in frame["video"]])


if __name__ == "__main__":
    main()
