"""What `embed` takes for a text, a picture or a video, and which strings it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import mmtoolkit as mm
from mmtoolkit.errors import EmbeddingError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with a picture, a table and a folder."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (16, 16), "red").save("red.PNG")
    Path("shop.csv").write_text("text\na\n")
    Path("photos").mkdir()
    Path("notes.md").write_text("words")
    return tmp_path


def embed(items):
    return mm.embed(items, model="local", cache=False, progress=False)


@pytest.mark.parametrize(
    "text",
    ["red.PNG", "shop.csv", "photos/", "./notes.md", "https://example.org/a.jpeg", "http://example.org/b.MP4?size=3#x"],
)
def test_a_str_that_is_plainly_a_file_or_an_address_is_refused_with_the_way_out(here, text):
    for items in (text, ["a red bird", text], pd.Series([text]), np.array([text])):
        with pytest.raises(ValueError, match=r"a str is a text. Use mm.embed_images .* mm.read_folder .* mm.Text"):
            embed(items)
    with pytest.raises(ValueError, match="row 1: "):
        embed(["a red bird", text])
    with pytest.raises(ValueError, match="a str is a text"):
        mm.estimate([text], model="local", cache=False)


@pytest.mark.parametrize(
    "text",
    [
        "blue.png",
        "photos",
        "and/or",
        "notes.md",
        "https://example.org/page",
        "see red.PNG\nand more",
        "what is shop.csv?",
    ],
)
def test_other_strings_are_texts(here, text):
    assert embed([text]).modality.tolist() == ["text"]


def test_a_path_among_the_queries_of_a_search_or_the_new_items_of_a_classifier_is_a_text_with_a_warning(here):
    emb = embed(["a red bird", "a blue car", "a green tree", "a grey stone"] * 3)
    r = mm.classify(emb, y=["red", "blue"] * 6, cv=2, duplicates="ignore", inference=False)

    asked = (emb.encode, r.predict, lambda text: mm.search(emb, text, k=1))
    for ask in asked:
        with pytest.warns(
            UserWarning, match=r"row 0: 'red.PNG' is a file .* here, but a str is a text.* mm.Image\(...\)"
        ):
            ask("red.PNG")
        ask(mm.Text("red.PNG"))
        ask("a red bird")


def test_where_strings_are_texts_by_name_they_are_never_looked_at(here):
    words = ["red.PNG", "photos/", "https://example.org/a.jpeg"]

    emb = mm.embed_texts(words, model="local", cache=False, progress=False)

    assert emb.items["text"].tolist() == words
    assert embed({"text": words}).items["text"].tolist() == words
    assert embed([mm.Text(word) for word in words]).items["text"].tolist() == words
    assert mm.zero_shot(emb, {"a": "red.PNG", "b": "photos/"}).y_pred.tolist()[:2] == ["a", "b"]
    assert mm.Embedder(model="local", cache=False).fit_transform(words).shape == (3, 512)


@pytest.mark.video
def test_paths_pictures_and_arrays_in_a_list_are_pictures(here):
    clip = Path(mm.load_dataset("clips")["video"].iloc[0])

    emb = embed(
        [
            Path("red.PNG"),
            Image.new("RGB", (16, 16), "red"),
            np.full((16, 16, 3), (255, 0, 0), np.uint8),
            clip,
            "a red square",
        ]
    )

    assert emb.modality.tolist() == ["image", "image", "image", "video", "text"]
    np.testing.assert_allclose(emb.unit[0], emb.unit[1], atol=1e-5)
    assert embed(Path("red.PNG")).modality.tolist() == ["image"]
    with pytest.raises(TypeError, match=r"'shop.csv' is no picture or video by its ending; mm.items reads tables"):
        embed([Path("shop.csv")])


@pytest.mark.parametrize(
    "cell", [b"bytes", ["a", "b"], {"a": 1}, np.zeros((4, 4, 3), np.uint8), Path("red.PNG"), Image.new("RGB", (8, 8))]
)
def test_a_text_column_with_pictures_is_refused_by_row(cell):
    frame = pd.DataFrame({"id": ["a", "b"], "text": pd.Series(["words", cell], dtype=object)})

    with pytest.raises(ValueError, match=r"row 1, id 'b': expected a text as text, got .*named with image= or video="):
        mm.items(frame)


def test_pictures_as_hugging_face_stores_them_are_pictures(here):
    data = Path("red.PNG").read_bytes()

    emb = embed([{"image": {"bytes": data, "path": None}}, {"image": {"bytes": None, "path": "red.PNG"}}])

    assert emb.modality.tolist() == ["image", "image"]
    np.testing.assert_array_equal(emb.vectors[0], emb.vectors[1])


def test_a_set_has_no_order_for_rows():
    with pytest.raises(TypeError, match="or a list of such items, got set"):
        mm.embed_texts({"a cat", "a dog"}, model="local", cache=False)


def test_texts_in_a_series_keep_their_labels():
    texts = pd.Series(["an owl", "a boat"], index=["x", "y"])

    emb = mm.embed_texts(texts, model="local", cache=False, progress=False)

    assert emb.ids.tolist() == ["x", "y"]
    assert mm.embed_texts(texts.set_axis([7, 5]), model="local", cache=False, progress=False).index.tolist() == [7, 5]


def test_a_table_is_one_column_of_texts_or_refused():
    frame = pd.DataFrame({"a": ["x"], "b": ["y"]})

    one = mm.embed_texts(frame[["a"]], model="local", cache=False)
    column = mm.embed_texts(np.array([["x"]]), model="local", cache=False)

    assert one.items["text"].tolist() == column.items["text"].tolist() == ["x"]
    with pytest.raises(ValueError, match=r"expected one Text per row, got a table of 2 columns \('a', 'b'\)"):
        mm.embed_texts(frame, model="local", cache=False)


@pytest.mark.parametrize("budget", [-1, float("nan"), float("inf"), "much"])
def test_a_budget_is_an_amount(budget):
    with pytest.raises(ValueError, match="budget must be None"):
        mm.embed_texts(["a"], model="local", cache=False, budget=budget)


def test_bytes_that_are_no_video_fail_their_row():
    emb = mm.embed_videos([b"no video"], model="local", cache=False, on_error="nan")

    assert emb.ok.tolist() == [False]


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT])
def test_a_gap_in_a_list_fails_like_a_gap_in_a_table(missing):
    red = np.full((8, 8, 3), (255, 0, 0), np.uint8)
    options = {"model": "local", "cache": False, "on_error": "nan", "progress": False}

    texts, pictures = mm.embed_texts(["a cat", missing], **options), mm.embed_images([missing, red], **options)

    assert texts.ok.tolist() == [True, False]
    assert texts.failed[["row", "reason"]].values.tolist() == [[1, f"there is no text, but {missing!r}"]]
    assert pictures.ok.tolist() == [False, True]
    assert mm.embed(pd.Series(["a cat", missing], dtype=object), **options).items["text"].tolist() == ["a cat", None]
    with pytest.raises(EmbeddingError, match="1 of 2 items could not be embedded: row 1, id '1': there is no text"):
        mm.embed_texts(["a cat", missing], model="local", cache=False)
