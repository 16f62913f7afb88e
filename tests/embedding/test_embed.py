"""From items to vectors: computed once, in order, kept as they arrive, the same bytes every way."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.errors import EmbeddingError, UnreadableItemError
from mmtoolkit.providers.base import Outcome
from mmtoolkit.providers.local import LocalModel


class Watched(LocalModel):
    """The offline model, which remembers what it was asked and may be stopped half-way."""

    def __init__(self, stop_after=None, block=None, **options):
        super().__init__(**options)
        self.asked, self.stop_after, self.block = [], stop_after, block

    def embed(self, contents, *, sink, **options):
        self.asked += [content.name for content in contents]
        came = 0

        def counted(outcomes):
            nonlocal came
            sink(outcomes)
            came += len(outcomes)
            if self.stop_after is not None and came >= self.stop_after:
                raise KeyboardInterrupt

        size = self.block or len(contents) or 1
        for start in range(0, len(contents), size):
            part = contents[start : start + size]
            super().embed(part, sink=lambda outcomes, at=start: counted([shifted(o, at) for o in outcomes]), **options)


def shifted(outcome, by):
    return Outcome(outcome.index + by, outcome.vector, outcome.error, outcome.usage, outcome.note)


WORDS = [f"word number {i}" for i in range(40)]


def test_equal_items_are_computed_once_and_put_back_in_order(tmp_path):
    model = Watched()
    texts = ["b", "a", "b", "c", "a"]

    emb = mm.embed_texts(texts, model=model, cache=tmp_path / "cache")

    assert model.asked == ["b", "a", "c"]
    assert emb.usage == {"cached": 0, "computed": 3, "equal": 2}
    alone = np.concatenate([mm.embed_texts([text], model="local", cache=False).vectors for text in texts])
    assert emb.vectors.tobytes() == alone.tobytes()


def test_a_file_and_its_copy_are_equal(tmp_path):
    for name in ("a.png", "b.png"):
        PILImage.new("RGB", (9, 9), "red").save(tmp_path / name)
    model = Watched()

    mm.embed(mm.read_folder(tmp_path), model=model, cache=False)

    assert len(model.asked) == 1


def test_a_second_run_computes_nothing(tmp_path):
    model = Watched()
    first = mm.embed_texts(WORDS, model=model, cache=tmp_path)
    second = mm.embed_texts(WORDS, model=model, cache=tmp_path)

    assert len(model.asked) == 40
    assert second.usage["cached"] == 40
    assert second.vectors.tobytes() == first.vectors.tobytes()
    assert second.fingerprint == first.fingerprint


def test_a_file_that_changed_is_computed_again(tmp_path):
    path = tmp_path / "a.png"
    PILImage.new("RGB", (9, 9), "red").save(path)
    first = mm.embed_images([path], model="local", cache=tmp_path / "cache")
    PILImage.new("RGB", (9, 9), "blue").save(path)

    second = mm.embed_images([path], model="local", cache=tmp_path / "cache")

    assert second.usage["computed"] == 1
    assert second.content_keys[0] != first.content_keys[0]


@pytest.mark.parametrize("n_jobs", [1, 4])
@pytest.mark.parametrize("block", [1, None])
@pytest.mark.parametrize("known", [0, 20])
def test_batches_threads_and_a_half_warm_cache_change_no_byte(tmp_path, stamps, n_jobs, block, known):
    images = [mm.Image(path) for path in stamps.items["image"][:12]]
    contents = [*map(mm.Text, WORDS[:12]), *images]
    if known:
        mm.embed(contents[::2], model="local", cache=tmp_path)

    emb = mm.embed(contents, model=Watched(n_jobs=n_jobs, block=block), cache=tmp_path)

    texts = mm.embed_texts(WORDS[:12], model="local")
    expected = np.concatenate([texts.vectors, stamps.vectors[:12]])
    assert emb.vectors.tobytes() == expected.tobytes()
    assert emb.content_keys.tolist() == [*texts.content_keys, *stamps.content_keys[:12]]


def test_blas_threads_change_no_byte(stamps):
    from threadpoolctl import threadpool_limits

    contents = [mm.Image(path) for path in stamps.items["image"][:6]]
    with threadpool_limits(1):
        one = mm.embed(contents, model="local", cache=False)
    with threadpool_limits(2):
        two = mm.embed(contents, model="local", cache=False)

    assert one.vectors.tobytes() == two.vectors.tobytes()


def test_all_others_are_computed_and_cached_before_it_raises(tmp_path):
    contents = [mm.Text("a"), mm.Image(b"broken"), mm.Text(" "), mm.Text("b")]

    with pytest.raises(
        EmbeddingError,
        match=r"2 of 4 items could not be embedded: row 1, id '1', bytes: not a picture.*row 2.*blank.* The other 2 are cached",
    ) as caught:
        mm.embed(contents, model="local", cache=tmp_path)

    assert [error.row for error in caught.value.errors] == [1, 2]
    assert caught.value.vectors is None
    assert mm.embed_texts(["a", "b"], model="local", cache=tmp_path).usage["cached"] == 2


def test_what_no_cache_keeps_stands_in_the_error():
    contents = [mm.Text("a"), mm.Text(" "), mm.Text("b"), mm.Text("a")]

    with pytest.raises(EmbeddingError, match=r"The other 3 are in error\.vectors") as caught:
        mm.embed(contents, model="local", cache=False)

    expected = mm.embed(contents, model="local", cache=False, on_error="nan").vectors
    np.testing.assert_array_equal(caught.value.vectors, expected)
    assert np.isnan(expected[1]).all()


def test_failed_rows_are_nan_when_asked(tmp_path):
    frame = mm.items(pd.DataFrame({"id": ["x", "y", "z"], "text": ["a", "  ", "b"]}))

    emb = mm.embed(frame, model="local", cache=tmp_path, on_error="nan")

    assert emb.ok.tolist() == [True, False, True]
    assert np.isnan(emb.vectors[1]).all()
    assert emb.failed[["row", "id"]].values.tolist() == [[1, "y"]]
    assert "blank" in emb.failed["reason"][0]
    assert "1 failed" in repr(emb)
    kept = emb.drop_failed()
    assert kept.ids.tolist() == ["x", "z"]
    assert len(kept.failed) == 0
    assert np.isfinite(kept.unit).all()


def test_equal_wrong_items_are_both_named():
    emb = mm.embed([mm.Image(b"x"), mm.Text("a"), mm.Image(b"x")], model="local", cache=False, on_error="nan")

    assert emb.failed["row"].tolist() == [0, 2]


def test_everything_may_fail():
    emb = mm.embed_texts([" ", ""], model="local", cache=False, on_error="nan")

    assert emb.shape == (2, 512)
    assert not emb.ok.any()


def test_what_arrived_survives_ctrl_c(tmp_path):
    model = Watched(stop_after=10, block=5)

    with pytest.raises(KeyboardInterrupt):
        mm.embed_texts(WORDS, model=model, cache=tmp_path)

    again = Watched()
    emb = mm.embed_texts(WORDS, model=again, cache=tmp_path)
    assert emb.usage == {"cached": 10, "computed": 30, "equal": 0}
    assert again.asked == WORDS[10:]


READ_ONLY = """
import os, sys, warnings
import mmtoolkit as mm
warnings.simplefilter("always")
mm.embed_texts(["a"], model="local", cache=sys.argv[1] + "/full")
if os.geteuid() == 0:
    os.seteuid(65534)
emb = mm.embed_texts(["a", "b"], model="local", cache=sys.argv[1] + "/full")
print(emb.usage, emb.ok.all())
emb = mm.embed_texts(["a", "b"], model="local", cache=sys.argv[1] + "/new")
print(emb.usage, emb.ok.all())
"""


def test_a_read_only_cache_is_read_and_the_rest_is_computed_with_a_warning():
    if os.geteuid() != 0:
        pytest.skip("needs root to step down from")
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is closed to others by every further run of pytest
        Path(folder).chmod(0o755)
        out = subprocess.run([sys.executable, "-c", READ_ONLY, folder], capture_output=True, text=True, check=True)

    assert out.stdout.splitlines() == [
        "{'cached': 1, 'computed': 1, 'equal': 0} True",
        "{'cached': 0, 'computed': 2, 'equal': 0} True",
    ]
    assert "1 vector was computed but could not be cached" in out.stderr
    assert "2 vectors were computed but could not be cached" in out.stderr
    assert "no permission" in out.stderr


def test_many_threads_may_embed_at_once(tmp_path):
    results = {}

    def work(number):
        results[number] = mm.embed_texts(WORDS[number : number + 20], model="local", cache=tmp_path, progress=False)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    whole = mm.embed_texts(WORDS, model="local", cache=tmp_path)
    for number, emb in results.items():
        assert emb.vectors.tobytes() == whole.vectors[number : number + 20].tobytes()


def test_a_bar_of_ones_own_counts_items():
    class Bar:
        def __init__(self):
            self.n, self.closed, self.lock = 0, False, threading.Lock()

        def update(self, n):
            self.n += n

        def close(self):
            self.closed = True

    bar = Bar()
    mm.embed_texts(["a", "b", "b"], model="local", cache=False, progress=bar)
    with pytest.raises(TypeError, match="progress must be None, True, False or a bar with update and close, got 'no'"):
        mm.embed_texts(["a"], model="local", cache=False, progress="no")

    assert (bar.n, bar.closed) == (2, True)


def test_progress_tells_cached_from_computed(capfd, tmp_path):
    mm.embed_texts(WORDS[:5], model="local", cache=tmp_path, progress=False)
    assert capfd.readouterr().err == ""

    mm.embed_texts(WORDS[:8], model="local", cache=tmp_path, progress=True)
    shown = capfd.readouterr().err
    assert "8/8" in shown
    assert "5 from the cache" in shown


# what the verbs take


def test_verbs_take_one_or_many():
    one = mm.embed_texts("a.png", model="local", cache=False)
    pixels = np.zeros((4, 4, 3), np.uint8)

    assert one.modality.tolist() == ["text"]
    assert len(mm.embed_images(PILImage.fromarray(pixels), model="local", cache=False)) == 1
    assert len(mm.embed_images([pixels, pixels], model="local", cache=False)) == 2
    assert len(mm.embed_images(pixels, model="local", cache=False)) == 1
    assert len(mm.embed(mm.Text("a"), model="local", cache=False)) == 1
    assert len(mm.embed((mm.Text(t) for t in "abc"), model="local", cache=False)) == 3


def test_no_items_give_no_rows():
    emb = mm.embed([], model="local", cache=False)

    assert emb.shape == (0, 512)
    assert len(emb.failed) == 0


def test_repeated_ids_are_refused_before_anything_is_embedded():
    frame = mm.items(pd.DataFrame({"id": ["p", "q"], "text": ["a", "b"]}))

    with pytest.raises(ValueError, match="ids must be unique: 'p' stands in row 0 and in row 2"):
        mm.embed(pd.concat([frame, frame]), model="local", cache=False)


def test_a_broken_open_picture_fails_its_row_only(tmp_path):
    good = PILImage.new("RGB", (9, 9), "red")
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    PILImage.fromarray(noise).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:2000])
    closed = PILImage.open(tmp_path / "whole.jpg")
    closed.close()

    with PILImage.open(tmp_path / "cut.jpg") as cut:
        emb = mm.embed_images([good, cut, closed, good.convert("L")], on_error="nan", model="local", cache=False)
        alone = mm.embed_images(cut, on_error="nan", model="local", cache=False)

    assert emb.ok.tolist() == [True, False, False, True]
    assert emb.failed["reason"].str.contains("the JPEG picture is broken or cut off").all()
    assert len(alone.failed) == 1


@pytest.mark.parametrize("items", [None, 3, {"a": 1}, object()])
def test_what_is_no_collection_is_refused(items):
    with pytest.raises(TypeError, match="expected an items frame, Text or a list of such items, got"):
        mm.embed(items, model="local", cache=False)


def test_a_wrong_member_is_named_by_row():
    with pytest.raises(TypeError, match="row 1: Text takes a str, got int"):
        mm.embed_texts(["a", 3], model="local", cache=False)


def test_what_is_no_model_is_named():
    with pytest.raises(TypeError, match=r"model takes a name of mm.list_models\(\), a provider .* got int"):
        mm.embed_texts(["a"], model=5, cache=False)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimension": 7}, "model 'local' has no dimension 7; it has 512"),
        ({"params": {"x": 1}}, "model 'local' has no parameter 'x'; it has: none"),
        ({"on_error": "skip"}, "on_error must be one of raise, nan, got 'skip'"),
        ({"model": "locl"}, "unknown model 'locl'; did you mean 'local'?"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        mm.embed_texts(["a"], **{"model": "local", "cache": False, **options})


def test_errors_keep_their_cause():
    with pytest.raises(EmbeddingError) as caught:
        mm.embed_images(["/nowhere.png"], model="local", cache=False)

    (error,) = caught.value.errors
    assert isinstance(error, UnreadableItemError)
    assert (error.row, error.item_id, error.name) == (0, "0", "nowhere.png")
    assert isinstance(error.__cause__.__cause__, FileNotFoundError)
