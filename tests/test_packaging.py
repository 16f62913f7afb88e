"""What wheel and source archive carry, and what they must not."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LICENCES = {
    "emoji": {"LICENSE.apache-2.0.txt", "LICENSE.mit.txt", "LICENSE.unicode.txt"},
    "glosses": {"LICENSE.wordnet.txt"},
    "clips": {"LICENSE.mit.txt", "LICENSE.unicode.txt"},
}
SETS = list(LICENCES.items())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return out


@pytest.fixture(scope="module")
def wheel(built):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {info.filename: info.file_size for info in archive.infolist()}


@pytest.fixture(scope="module")
def sdist(built):
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {member.name.partition("/")[2]: member.size for member in archive.getmembers() if member.isfile()}


def test_the_wheel_has_the_offline_model(wheel):
    home = "mmtoolkit/providers/local/weights/"
    names = {name.removeprefix(home) for name in wheel if name.startswith(home)}

    assert names == {
        "LICENSE.apache-2.0.txt",
        "LICENSE.mit.txt",
        "chinese_words.tsv",
        "efficientnet_lite0_fp16w.onnx",
        "imagenet_classes.txt",
        "picture_maps.npz",
        "word_pieces.txt",
        "word_vectors.npy",
    }
    assert wheel[home + "efficientnet_lite0_fp16w.onnx"] == 9_363_082
    assert (
        sum(size for name, size in wheel.items() if name.startswith(home)) < 29_000_000
    )  # the dictionary brings 4 more


@pytest.mark.parametrize(("name", "licences"), SETS)
def test_the_wheel_has_the_small_data_sets_with_their_licences(wheel, name, licences):
    home = f"mmtoolkit/_datasets/{name}/"
    inside = {path.removeprefix(home) for path in wheel if path.startswith(home)}

    assert {"metadata.csv", "README.md", *licences} <= inside
    assert (
        sum(path.startswith(("images/", "clips/")) for path in inside)
        == {"emoji": 1242, "glosses": 0, "clips": 40}[name]
    )


def test_stamps_and_workshop_are_in_neither(wheel, sdist):
    assert not [
        name
        for name in (*wheel, *sdist)
        if "stamps" in name.lower() and not name.startswith(("tests/", "notebooks/", "benchmarks/", "docs/"))
    ]
    assert not [name for name in wheel if not name.startswith(("mmtoolkit/", "mmtoolkit-"))]
    assert not [
        name for name in (*wheel, *sdist) if "__pycache__" in name or name.endswith((".pyc", ".sqlite", ".key"))
    ]
    assert not [name for name in sdist if name.startswith((".venv", ".git/", ".ci", "out/", "dist/"))]


def test_licence_and_notice_are_in_both(wheel, sdist):
    assert {name.rsplit("/", 1)[1] for name in wheel if "dist-info/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert {"LICENSE", "NOTICE", "README.md", "CHANGELOG.md", "pyproject.toml"} <= set(sdist)


def test_every_module_and_its_data_are_in_the_wheel(wheel):
    ours = {
        p.relative_to(ROOT).as_posix()
        for p in (ROOT / "mmtoolkit").rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }

    assert ours <= set(wheel)


def test_the_source_archive_can_build_the_wheel(sdist):
    needed = {f"datasets/{name}/metadata.csv" for name in LICENCES} | {"mmtoolkit/py.typed"}

    assert needed <= set(sdist)


def test_the_wheel_stays_small(wheel):
    assert sum(wheel.values()) < 40_000_000


def test_the_notice_names_everything_that_comes_along():
    notice = (ROOT / "NOTICE").read_text("utf-8")

    for word in (
        "EfficientNet-Lite0",
        "Apache-2.0",
        "Noto Emoji",
        "WordNet",
        "CC BY 3.0",
        "GPL-2",
        "CC BY-SA 4.0",
        "FFmpeg",
        "wordllama",
        "Open Clip Art",
        "Twemoji",
        "Emoji One",
        "Unicode License v3",
    ):
        assert word in notice


INSTALLED = """
import sys
sys.path.insert(0, sys.argv[1])
import mmtoolkit as mm
from pathlib import Path
assert Path(mm.__file__).is_relative_to(sys.argv[1]), mm.__file__
for name in ("emoji", "glosses", "clips"):
    frame = mm.load_dataset(name)
    paths = [p for column in ("image", "video") for p in frame[column] if p is not None]
    assert all(Path(p).is_file() for p in paths), name
    print(name, len(frame))
try:
    mm.load_dataset("stamps")
except ValueError as error:
    print(error)
print(mm.embed_images(paths and [mm.load_dataset("emoji")["image"][0]], model="local", cache=False).shape)
"""


def test_an_unpacked_wheel_works_alone(built, tmp_path):
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "site")

    out = subprocess.run(
        [sys.executable, "-c", INSTALLED, str(tmp_path / "site")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    assert out.stdout.splitlines() == [
        "emoji 1242",
        "glosses 5120",
        "clips 40",
        "the data set 'stamps' is not part of this installation; it comes with a checkout of the repository",
        "(1, 512)",
    ]
