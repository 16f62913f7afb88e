"""The offline model: same bytes whatever surrounds an item, plain English from Chinese, never online."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import ItemError, MissingExtraError, UnreadableItemError, UnsupportedItemError
from mmtoolkit.providers.local import LocalModel
from mmtoolkit.providers.local import model as local


def vectors(contents, **options):
    """Return the vectors of `contents` straight from the provider, and its errors by row."""
    X, errors = np.full((len(contents), 512), np.nan, dtype=np.float32), {}

    def sink(outcomes):
        for outcome in outcomes:
            if outcome.error is None:
                X[outcome.index] = outcome.vector
            else:
                errors[outcome.index] = outcome.error

    LocalModel(**options).embed(contents, dimension=512, params={}, sink=sink)
    return X, errors


def test_vectors_are_unit_rows_and_texts_have_no_looks(stamps):
    X, errors = vectors([mm.Text("a red bird"), mm.Image(stamps.items["image"][0])])

    assert not errors
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1, atol=1e-6)
    assert not X[0, 256:].any()
    assert X[1, 256:].any()


def test_bytes_do_not_depend_on_order_neighbours_or_threads(stamps):
    images = [mm.Image(path) for path in stamps.items["image"][:40]]
    contents = [c for pair in zip(images, map(mm.Text, stamps.items["text"][:40]), strict=True) for c in pair]
    X, _ = vectors(contents, n_jobs=2)

    alone, _ = vectors(contents[7:8], n_jobs=1)
    backwards, _ = vectors(contents[::-1], n_jobs=5)

    assert alone[0].tobytes() == X[7].tobytes()
    assert backwards[::-1].tobytes() == X.tobytes()


def test_bytes_of_texts_are_the_same_alone_and_among_hundreds():
    contents = list(map(mm.Text, mm.load_dataset("glosses")["text"][:600]))
    X, _ = vectors(contents, n_jobs=3)

    one_by_one = [vectors([content], n_jobs=1)[0] for content in contents[::20]]

    assert np.vstack(one_by_one).tobytes() == X[::20].tobytes()


@pytest.mark.video
def test_a_video_is_the_mean_of_eight_frames_unless_told_otherwise():
    path = mm.load_dataset("clips")["video"][0]
    with open(path, "rb") as file:
        data = file.read()

    X, errors = vectors([mm.Video(path), mm.Video(data), mm.Video(path, frames=8), mm.Video(path, frames=2)])

    frames, _ = vectors([mm.Image(frame) for frame in mm.Video(path).sample(8)])
    expected = frames.mean(axis=0)
    assert not errors
    np.testing.assert_allclose(X[0], expected / np.linalg.norm(expected), atol=1e-6)
    assert X[0].tobytes() == X[1].tobytes() == X[2].tobytes() != X[3].tobytes()


def test_frames_are_part_of_the_key():
    model = LocalModel()

    assert model.recipe(mm.Video("x.mp4")) == model.recipe(mm.Video("x.mp4", frames=8))
    assert model.recipe(mm.Video("x.mp4")) != model.recipe(mm.Video("x.mp4", frames=2))
    assert model.recipe(mm.Fused(text="a", video=mm.Video("x.mp4", frames=2))) == model.recipe(mm.Video("y", frames=2))
    assert model.recipe(mm.Text("a")) == model.recipe(mm.Image("a.png")) == ""


def test_fused_and_lists_are_the_mean_of_their_parts(stamps):
    one, two = stamps.items["image"][:2]

    X, _ = vectors([mm.Image(one), mm.Image(two), mm.Image([one, two]), mm.Text("a frog"), mm.Fused("a frog", one)])

    for fused, parts in ((2, [0, 1]), (4, [0, 3])):
        mean = X[parts].mean(axis=0)
        np.testing.assert_allclose(X[fused], mean / np.linalg.norm(mean), atol=1e-6)


@pytest.mark.parametrize(
    "content",
    [
        mm.Image("https://h/a.png"),
        mm.Video("http://h/a.mp4"),
        mm.Fused("x", "https://h/a.png"),
        mm.Image(["https://h/a.png", b"x"]),
    ],
)
def test_urls_are_refused_with_a_way_out(content):
    with pytest.raises(
        UnsupportedItemError, match=r"a\.(png|mp4): .*opens no connection.*download the file and pass its path"
    ):
        LocalModel().check(content, dimension=512, params={})


@pytest.mark.parametrize("content", [mm.Image("file:///a%20b/c.png"), mm.Video("FILE:///a%20b/c.png")])
def test_the_address_of_a_file_is_refused_with_its_path(content):
    with pytest.raises(UnsupportedItemError, match=r"pass the path of the file, '/a b/c\.png', not its address$"):
        LocalModel().check(content, dimension=512, params={})


def test_a_video_without_pyav_names_the_extra(monkeypatch):
    monkeypatch.setattr(local, "find_spec", lambda name: None)

    with pytest.raises(MissingExtraError, match=r'pip install "mmtoolkit\[video\]"'):
        LocalModel().check(mm.Video("x.mp4"), dimension=512, params={})


def test_blank_text_is_refused_by_name():
    with pytest.raises(mm.MMToolkitError, match=r"row 1, id '1', .*blank; expected at least one visible character"):
        mm.embed_texts(["a", " \n\t "], model="local", cache=False)


def test_a_broken_item_fails_alone(stamps):
    X, errors = vectors([mm.Image(stamps.items["image"][0]), mm.Image(b"no picture"), mm.Text("a")])

    assert np.isfinite(X[[0, 2]]).all()
    assert list(errors) == [1]
    assert isinstance(errors[1], UnreadableItemError)


def test_what_is_done_arrives_when_the_run_is_interrupted(stamps):
    contents = [mm.Image(path) for path in stamps.items["image"]]
    arrived = []

    def sink(outcomes):
        arrived.extend(outcomes)
        if len(arrived) <= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalModel(n_jobs=2).embed(contents, dimension=512, params={}, sink=sink)

    assert 16 < len(arrived) < len(contents)  # the block the other thread was at came too; the rest was not begun
    assert all(outcome.error is None for outcome in arrived)
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


@pytest.mark.parametrize("n_jobs", [0, -1, 1.5, "2"])
def test_a_wrong_number_of_threads_is_refused(n_jobs):
    with pytest.raises(ValueError, match="n_jobs must be None or an int of at least 1, got"):
        LocalModel(n_jobs=n_jobs)


def test_chinese_and_english_of_one_thing_are_neighbours():
    words = {"鸟": "bird", "苹果": "apple", "汽车": "car", "钢琴": "piano", "月亮": "moon"}
    X, _ = vectors([mm.Text(text) for pair in words.items() for text in pair])

    similarity = X[::2] @ X[1::2].T

    assert (similarity.argmax(axis=1) == np.arange(5)).all()


# revision and network


def test_the_revision_is_stable_and_changes_with_the_code(monkeypatch):
    revision = LocalModel().spec.revision

    monkeypatch.setattr(local, "_STEP", local._STEP + 1)
    local._revision.cache_clear()
    changed = LocalModel().spec.revision
    monkeypatch.undo()
    local._revision.cache_clear()

    assert len(revision) == 64
    assert changed != revision == LocalModel().spec.revision


def test_the_revision_follows_the_dictionary(monkeypatch, tmp_path):
    from mmtoolkit.providers.local import texts

    other = tmp_path / "words.tsv"
    other.write_text("# other words\n鸟\tfish\n", "utf-8")
    before = LocalModel().spec.revision
    files = texts.text_files()

    monkeypatch.setattr(texts, "text_files", lambda: (*files[:-1], other))
    local._revision.cache_clear()
    after = LocalModel().spec.revision
    local._revision.cache_clear()

    assert before != after


OFFLINE = """
import hashlib, socket, sys
class Blocked(socket.socket):
    def __init__(self, *args, **kwargs):
        raise AssertionError("a socket was opened")
def no_lookup(*args, **kwargs):
    raise AssertionError("a name was looked up")
socket.socket = Blocked
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = no_lookup
import mmtoolkit as mm
clip = mm.load_dataset("clips")["video"][0]
emb = mm.embed([mm.Text("a cat"), mm.Text("\\u9e1f"), mm.Image(sys.argv[1]), mm.Video(clip)], model="local", cache=False)
print(hashlib.sha256(emb.vectors.tobytes()).hexdigest(), sorted({"wordllama", "tokenizers", "safetensors"} & set(sys.modules)))
"""


@pytest.mark.video
def test_nothing_is_downloaded(stamps, tmp_path):
    picture = stamps.items["image"][0]
    environment = {**os.environ, "HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}

    out = subprocess.run(
        [sys.executable, "-c", OFFLINE, picture], env=environment, capture_output=True, text=True, check=True
    )

    import hashlib

    clip = mm.load_dataset("clips")["video"][0]
    X, _ = vectors([mm.Text("a cat"), mm.Text("鸟"), mm.Image(picture), mm.Video(clip)])
    assert out.stdout.split() == [hashlib.sha256(X.tobytes()).hexdigest(), "[]"]
    assert not any(tmp_path.iterdir())


WARM = """
import sys
import mmtoolkit as mm
emb = mm.embed_images(sys.argv[1:], model="local", progress=False)
print(emb.usage["computed"], "mmtoolkit.providers.local.network" in sys.modules)
"""


def test_a_warm_run_loads_no_model(stamps):
    paths = stamps.items["image"][:3].tolist()
    mm.embed_images(paths, model="local")

    out = subprocess.run([sys.executable, "-c", WARM, *paths], capture_output=True, text=True, check=True)

    assert out.stdout.strip() == "0 False"


def test_the_implicit_choice_says_basic_quality(capfd):
    mm.embed_texts(["a"], cache=False)

    said = capfd.readouterr()
    assert "model 'local'" in said.out + said.err
    assert "basic quality" in said.out + said.err
    assert "nothing leaves this machine" in said.out + said.err


@pytest.mark.video
def test_errors_are_item_errors():
    _, errors = vectors([mm.Video(b"no video"), mm.Image("/nowhere/a.png")])

    assert all(isinstance(error, ItemError) for error in errors.values())
    assert len(errors) == 2
