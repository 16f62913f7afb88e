"""Items whose vector is a mean of their parts: each part is computed once, kept, and may fail; and runs that break off."""

import contextlib

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.cache.memory import MemoryCache
from mmtoolkit.errors import CacheError, EmbeddingError, ProviderError, UnsupportedItemError

VECTORS = {"a": [3.0, 0.0, 0.0], "b": [0.0, 1.0, 0.0], "c": [0.0, 0.0, 2.0]}


class Sums(mm.Provider):
    """Embeds letters; "a+b" is the mean of the unit vectors of a and b."""

    leaves_machine = False
    spec = mm.ModelSpec("sums", "tests", 3, revision="1", modalities=frozenset({"text"}), contents_per_call=1)

    def __init__(self):
        self.asked = []

    def check(self, content, **options):
        super().check(content, **options)
        if "!" in content.text:
            msg = "no exclamations"
            raise UnsupportedItemError(msg, name=content.name)

    def members(self, content):
        letters = content.text.split("+")
        return list(map(mm.Text, letters)) if len(letters) > 1 else []

    def embed_batch(self, contents, **_options):
        self.asked += [content.text for content in contents]
        if self.asked[-1] == "stop":
            msg = "the service broke"
            raise ProviderError(msg)
        return [VECTORS[content.text] for content in contents]


class Full(MemoryCache):
    """A store without room, for so many times."""

    def __init__(self, times=99):
        super().__init__()
        self.times = times

    def put(self, *given):
        self.times -= 1
        if self.times < 0:
            return super().put(*given)
        msg = "the disk is full"
        raise CacheError(msg)


def test_a_sum_is_the_mean_of_its_parts_and_these_are_computed_once(tmp_path):
    first, second = Sums(), Sums()

    emb = mm.embed_texts(["a+b", "b+b+c", "a"], model=first, cache=tmp_path)
    later = mm.embed_texts(["c+a"], model=second, cache=tmp_path)

    assert sorted(first.asked) == ["a", "b", "c"]
    assert emb.vectors.tolist() == [[0.5, 0.5, 0.0], pytest.approx([0.0, 2 / 3, 1 / 3]), VECTORS["a"]]
    assert emb.notes["note"].tolist() == ["mean of the unit vectors of a+b", "mean of the unit vectors of b+b+c"]
    assert second.asked == []
    assert later.vectors.tolist() == [[0.5, 0.0, 0.5]]


def test_a_part_that_fails_takes_along_what_needs_it_and_nothing_else():
    emb = mm.embed_texts(["a+?", "?", "b+!", "a+b"], model=Sums(), cache=False, on_error="nan")

    assert emb.ok.tolist() == [False, False, False, True]
    assert emb.failed["reason"].str.contains("raised KeyError|no exclamations").all()


@pytest.mark.parametrize(
    ("cache", "told"),
    [
        (False, "There is no cache, so the 1 vectors that arrived before are lost"),
        (None, "What arrived before is kept"),
    ],
)
def test_a_run_that_breaks_off_says_what_is_kept(tmp_path, cache, told):
    with pytest.raises(ProviderError, match=f"the service broke. {told}"):
        mm.embed_texts(["a", "stop", "b"], model=Sums(), cache=tmp_path if cache is None else cache)


def test_vectors_that_cannot_be_kept_are_given_all_the_same():
    with pytest.warns(UserWarning, match="2 vectors were computed but could not be cached: the disk is full"):
        emb = mm.embed_texts(["a", "b"], model=Sums(), cache=Full())

    assert emb.vectors.tolist() == [VECTORS["a"], VECTORS["b"]]


@pytest.mark.parametrize("texts", [["a", "b", "c"], ["a", "b", "stop"], ["a", "b", "?"]])
def test_what_a_full_disk_could_not_take_is_stored_when_there_is_room_again(texts):
    cache = Full(times=2)
    good = [text for text in texts if text in VECTORS]

    with contextlib.suppress(ProviderError, EmbeddingError):
        mm.embed_texts(texts, model=Sums(), cache=cache)

    again = Sums()
    assert mm.embed_texts(good, model=again, cache=cache).vectors.tolist() == [VECTORS[text] for text in good]
    assert again.asked == []


def test_a_run_that_breaks_off_beside_a_full_disk_promises_nothing():
    told = (
        "the service broke. Of the 1 vectors that arrived before, 1 could not be cached and are lost: the disk is full"
    )
    with (
        pytest.raises(ProviderError, match=told),
        pytest.warns(UserWarning, match="1 vector was computed but could not be cached"),
    ):
        mm.embed_texts(["a", "stop"], model=Sums(), cache=Full())


def test_a_model_that_is_not_registered_embeds_nothing_beside_saved_vectors(tmp_path):
    mm.embed_texts(["a"], model=Sums(), cache=False).save(tmp_path / "a.parquet")

    with pytest.raises(mm.MMToolkitError, match=r"the model 'sums' \(revision '1'\), which is not registered here"):
        mm.Embeddings.load(tmp_path / "a.parquet").encode(["b"])


def test_a_model_that_nobody_named_is_told_with_where_items_go(capsys):
    mm.embed_texts(["a cat"], cache=False)

    assert "mmtoolkit: model 'local' (no API key was found" in (said := "".join(capsys.readouterr()))
    assert "nothing leaves this machine" in said


def test_vectors_of_your_own_find_the_model_that_they_name():
    emb = mm.Embeddings(np.eye(2, 512), model="local")

    assert emb.encode(["a cat"]).shape == (1, 512)
