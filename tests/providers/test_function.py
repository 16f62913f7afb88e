"""A function as a model: what it is given, what may come back, and the cache that knows its revision."""

from __future__ import annotations

import pickle
from array import array

import numpy as np
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.errors import EmbeddingError, ProtocolError, UnsupportedItemError
from mmtoolkit.providers.base import compute
from mmtoolkit.providers.function import FunctionProvider


class Calls(list):
    """A function that remembers its batches."""

    def __init__(self, row=lambda value: [len(value), 1.0]):
        self.row = row

    def __call__(self, values):
        self.append(values)
        return [self.row(value) for value in values]


def lengths(texts):
    return [[len(text), 1.0] for text in texts]


def provider(fn=lengths, **options):
    return FunctionProvider(fn, **{"name": "lengths", "revision": "1", "dimension": 2, **options})


def test_the_second_run_calls_the_function_not_once(tmp_path):
    fn = Calls()

    first = mm.embed_texts(["ab", "abc", "ab"], model=provider(fn), cache=tmp_path)
    second = mm.embed_texts(["abc", "ab"], model=provider(fn), cache=tmp_path)

    assert fn == [["ab", "abc"]]
    assert first.vectors.tolist() == [[2, 1], [3, 1], [2, 1]]
    assert second.vectors.tolist() == [[3, 1], [2, 1]]
    assert second.usage["cached"] == 2


@pytest.mark.parametrize("change", [{"revision": "2"}, {"name": "other"}])
def test_another_revision_or_name_calls_it_again(tmp_path, change):
    fn = Calls()
    mm.embed_texts(["ab"], model=provider(fn), cache=tmp_path)

    again = mm.embed_texts(["ab"], model=provider(fn, **change), cache=tmp_path)

    assert len(fn) == 2
    assert again.usage["cached"] == 0


def test_it_gets_no_more_values_at_once_than_it_asked_for():
    fn = Calls()

    mm.embed_texts([f"text {i}" for i in range(70)], model=provider(fn), cache=False)
    mm.embed_texts([f"text {i}" for i in range(7)], model=provider(fn, batch_size=3), cache=False)

    assert [len(batch) for batch in fn] == [32, 32, 6, 3, 3, 1]


def test_pictures_come_upright_and_in_rgb(tmp_path):
    path = tmp_path / "turned.jpg"
    exif = PILImage.Exif()
    exif[0x0112] = 6  # turn by a quarter
    PILImage.new("RGB", (40, 20), (200, 40, 40)).save(path, exif=exif)
    clear = PILImage.new("RGBA", (8, 8), (0, 0, 0, 0))
    fn = Calls(lambda picture: [*picture.size, picture.getpixel((0, 0))[1]])
    model = provider(fn, dimension=3, modalities=("image",))

    emb = mm.embed_images([path, clear], model=model, cache=False)

    assert all(isinstance(value, PILImage.Image) and value.mode == "RGB" for value in fn[0])
    assert emb.vectors[:, :2].tolist() == [[20, 40], [8, 8]]
    assert emb.vectors[1, 2] == 255


def test_everything_else_comes_as_the_item_itself():
    fn = Calls(lambda value: [1.0, 2.0])
    model = provider(fn, modalities=("text", "image", "video", "fused"))
    pixels = np.zeros((4, 4, 3), np.uint8)
    items = [mm.Video("https://h/a.mp4"), mm.Fused(text="a", image=pixels), mm.Image([pixels, pixels + 1])]

    emb = mm.embed(items, model=model, cache=False)

    assert [value for batch in fn for value in batch] == items
    assert emb.modality.tolist() == ["video", "fused", "image"]


@pytest.mark.parametrize(
    "made",
    [
        lambda rows: rows,
        lambda rows: np.array(rows, dtype=np.float16),
        lambda rows: tuple(map(tuple, rows)),
        lambda rows: np.array(rows, dtype=np.int64),
        lambda rows: [array("d", row) for row in rows],
    ],
)
def test_rows_may_come_as_anything_that_numpy_takes(made):
    emb = mm.embed_texts(["ab", "c"], model=provider(lambda texts: made(lengths(texts))), cache=False)

    assert emb.vectors.dtype == np.float32
    assert emb.vectors.tolist() == [[2, 1], [1, 1]]


def test_something_with_the_array_protocol_such_as_a_tensor_is_taken():
    class Tensor:
        def __init__(self, rows):
            self.rows = rows

        def __array__(self, dtype=None, copy=None):
            return np.array(self.rows, dtype=dtype)

    emb = mm.embed_texts(["ab"], model=provider(lambda texts: Tensor(lengths(texts))), cache=False)

    assert emb.vectors.tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        ({"fn": "lengths"}, TypeError, "fn must be a function from a list of values to rows of numbers, got 'lengths'"),
        ({"name": ""}, ValueError, "name must not be empty; it says in the cache which model made a vector"),
        ({"name": None}, TypeError, "name must be a str, got None"),
        (
            {"revision": " "},
            ValueError,
            "revision must not be empty; it says which version of the function made a vector",
        ),
        ({"revision": 1}, TypeError, "revision must be a str, got 1; .* or the cache would answer for the old one"),
        ({"dimension": 0}, ValueError, "dimension must be at least 1, how many numbers a row has, got 0"),
        ({"dimension": 2.0}, TypeError, "dimension must be an int, how many numbers a row has, got 2.0"),
        ({"dimension": True}, TypeError, "dimension must be an int"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_size": "9"}, TypeError, "batch_size must be an int"),
        ({"modalities": "text"}, TypeError, r'modalities must be a sequence such as \("text", "image"\), got \'text\''),
        ({"modalities": ()}, ValueError, "modalities must be some of 'text', 'image', 'video', 'fused', got none"),
        ({"modalities": ("text", "sound")}, ValueError, "got the unknown 'sound'"),
    ],
)
def test_wrong_arguments_are_refused_at_once_with_a_reason(arguments, kind, words):
    with pytest.raises(kind, match=words):
        provider(**arguments)


def test_the_revision_cannot_be_left_out():
    with pytest.raises(TypeError, match="revision"):
        FunctionProvider(lengths, name="lengths", dimension=2)


@pytest.mark.parametrize(
    "content",
    [
        mm.Image("https://h/a.png"),
        mm.Image("https://h/a.png", inline=True),
        mm.Image(["https://h/a.png", "https://h/b.png"]),
        mm.Fused(text="a", image="https://h/a.png"),
    ],
)
def test_a_picture_that_is_only_an_address_is_refused(content):
    model = provider(modalities=("image", "fused"))

    with pytest.raises(
        UnsupportedItemError, match=r"gets pictures, not addresses; download the file and pass its path"
    ):
        model.check(content, dimension=2, params={})


def test_other_modalities_are_refused():
    with pytest.raises(UnsupportedItemError, match="'lengths' takes no image items, only text"):
        provider().check(mm.Image(b"x"), dimension=2, params={})


def test_one_value_that_the_function_cannot_take_fails_alone(tmp_path):
    def fn(texts):
        if "bad" in texts:
            raise LookupError("no such word")
        return lengths(texts)

    with pytest.raises(
        EmbeddingError, match=r"1 of 5 items .*row 2.*raised LookupError: no such word.*other 4 are cached"
    ):
        mm.embed_texts(["a", "b", "bad", "d", "e"], model=provider(fn), cache=tmp_path)
    assert mm.embed_texts(["a", "b", "d", "e"], model=provider(fn), cache=tmp_path).usage["cached"] == 4


def test_a_broken_picture_fails_alone():
    model = provider(Calls(lambda picture: [picture.width, 1.0]), modalities=("image",))
    pixels = np.zeros((4, 4, 3), np.uint8)

    emb = mm.embed(
        [mm.Image(pixels), mm.Image(b"no picture"), mm.Image(pixels + 1)], model=model, cache=False, on_error="nan"
    )

    assert emb.ok.tolist() == [True, False, True]
    assert "not a picture" in emb.failed["reason"].iloc[0]


def test_rows_of_another_length_are_refused():
    with pytest.raises(
        ProtocolError, match=r"'lengths' returned an array of shape \(2,\) for 'a', expected a vector of 5"
    ):
        compute(provider(dimension=5), [mm.Text("a")], dimension=5, params={}, sink=lambda _: None)


def test_where_items_go_is_said():
    assert provider().leaves_machine
    assert provider().destination == "wherever the function of 'lengths' sends them"
    assert not provider(leaves_machine=False).leaves_machine
    assert provider(leaves_machine=False).destination == "nothing leaves this machine"


def test_the_row_of_the_model_and_a_pickle_are_those_of_the_arguments():
    model = provider(modalities=["text", "image"], batch_size=7)

    copied = pickle.loads(pickle.dumps(model))

    assert copied.spec == model.spec
    assert (model.spec.name, model.spec.provider, model.spec.dimension) == ("lengths", "function", 2)
    assert (model.spec.revision, model.spec.contents_per_call) == ("1", 7)
    assert model.spec.modalities == {"text", "image"}


def test_clusters_and_search_take_what_it_made():
    texts = ["a", "aa", "aaaaaaaaaaaa", "aaaaaaaaaaa"]
    emb = mm.embed_texts(texts, model=provider(), cache=False)

    assert mm.cluster(emb, 2).n_clusters == 2
    assert mm.search(emb, "aaaaaaaaaaaa", k=1).table["id"].tolist() == ["2"]
