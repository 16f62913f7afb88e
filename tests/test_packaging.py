"""What wheel and source archive carry, and what they must not."""

import json
import os
import re
import subprocess
import sys
import tarfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LICENCES = {
    "emoji": {"LICENSE.apache-2.0.txt", "LICENSE.mit.txt", "LICENSE.unicode.txt"},
    "glosses": {"LICENSE.wordnet.txt"},
    "clips": {"LICENSE.mit.txt", "LICENSE.unicode.txt"},
    "tickets": {"LICENSE.psf.txt"},
}
TOP = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Makefile",
    "NOTICE",
    "PKG-INFO",
    "README.md",
    "README.zh.md",
    "SECURITY.md",
    "llms.txt",
    "pyproject.toml",
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
        "chinese_common.txt",
        "chinese_words.tsv",
        "efficientnet_lite0.npz",
        "english_words.txt",
        "imagenet_classes.txt",
        "picture_maps.npz",
        "word_pieces.txt",
        "word_vectors.npz",
    }
    assert wheel[home + "efficientnet_lite0.npz"] == 8590753
    assert (
        sum(size for name, size in wheel.items() if name.startswith(home)) < 34_000_000
    )  # the dictionary brings 4 more


@pytest.mark.parametrize(("name", "licences"), SETS)
def test_the_wheel_has_the_small_data_sets_with_their_licences(wheel, name, licences):
    home = f"mmtoolkit/_datasets/{name}/"
    inside = {path.removeprefix(home) for path in wheel if path.startswith(home)}

    assert {"metadata.csv", "README.md", *licences} <= inside
    assert (
        sum(path.startswith(("images/", "clips/")) for path in inside)
        == {"emoji": 1242, "glosses": 0, "clips": 40, "tickets": 0}[name]
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
    top = {name.partition("/")[0] for name in sdist}
    assert top == {
        "mmtoolkit",
        "datasets",
        "tests",
        "docs",
        "notebooks",
        "benchmarks",
        ".github",
        ".gitignore",
        ".gitattributes",
        *TOP,
    }  # no trial's output


def test_pip_refuses_pythons_that_are_too_old_or_too_new(built):
    (wheel,) = built.glob("*.whl")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-deps",
        "--no-index",
        "--only-binary=:all:",
        "--target=x",
    ]

    for version, code in (("3.10", 1), ("3.14", 0), ("3.15", 1)):
        done = subprocess.run(
            [*install, "--python-version", version, wheel], capture_output=True, text=True, check=False
        )
        assert done.returncode == code
        assert code == 0 or f"requires a different Python: {version}" in done.stderr


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


def test_the_source_archive_builds_the_same_wheel(built, tmp_path):
    (archive,), (wheel,) = built.glob("*.tar.gz"), built.glob("*.whl")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again")]

    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)

    assert (tmp_path / "again" / wheel.name).read_bytes() == wheel.read_bytes()


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


def _with_all_it_needs(requirement, found):
    """Add a distribution and those that it asks for to `found`, as pip would install them here."""
    for one in map(Requirement, metadata.requires(requirement.name) or []):
        extras = requirement.extras or {""}
        wanted = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)
        if wanted and one.name not in found:
            found[one.name] = metadata.distribution(one.name)
            _with_all_it_needs(one, found)
    return found


@pytest.fixture(scope="module")
def bare(built, tmp_path_factory):
    """A virtual environment with the wheel, installed by pip, and exactly what its metadata ask for: links to the files here.

    Downloading all of it again would take minutes; `make test-bare` does.
    """
    home = tmp_path_factory.mktemp("bare")
    venv.create(home, symlinks=True)
    (wheel,) = built.glob("*.whl")
    install = ["-m", "pip", "--python", home / "bin" / "python", "install", "--no-deps", "--no-index", "--quiet", wheel]
    subprocess.run([sys.executable, *install], check=True, timeout=120)
    (site,) = home.glob("lib/python*/site-packages")
    (told,) = site.glob("mmtoolkit-*.dist-info")
    found = {}
    for one in map(Requirement, metadata.Distribution.at(told).requires):
        if one.marker is None:  # no extra
            found[one.name] = metadata.distribution(one.name)
            assert one.specifier.contains(found[one.name].version)
            _with_all_it_needs(one, found)
    for distribution in found.values():
        for name in {file.parts[0] for file in distribution.files} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(distribution.locate_file(name))
    return home


def _run(bare, folder, *command):
    environment = {**os.environ, "PYTHONWARNINGS": "", "HOME": os.fspath(folder)}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [bare / "bin" / command[0], *command[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bare_environment_has_no_extra_and_lacks_nothing(bare, tmp_path):
    found = json.loads(_run(bare, tmp_path, "mmtoolkit", "doctor", "--json"))

    assert found["system"]["mmtoolkit"]["words"].endswith(
        f"{bare}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/mmtoolkit"
    )
    assert {one["state"] for one in found["libraries"].values()} == {"ok"}
    assert {name: one["state"] for name, one in found["extras"].items()} == dict.fromkeys(
        ("video", "heic", "png", "spark"), "absent"
    )


def test_the_demo_of_a_bare_environment_writes_a_report(bare, tmp_path):
    out = _run(bare, tmp_path, "mmtoolkit", "demo")

    assert out.strip().splitlines()[-1] == str(tmp_path / "out" / "report.html")
    items = pd.read_csv(tmp_path / "out" / "items.csv")
    assert len(items) > 1000
    assert items[["y_pred", "cluster_name", "x"]].notna().all(axis=None)
    page = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "The offline model has seen the data set 'emoji'" in page
    assert "pip install" not in page


def test_the_ten_lines_of_the_readme_give_what_it_prints(bare, tmp_path):
    """In another folder than the checkout, with the installed wheel."""
    readme = (ROOT / "README.md").read_text("utf-8")
    code, printed = re.search(r"```python\n(.*?)```\n+```\n(.*?)```", readme, re.DOTALL).groups()
    (tmp_path / "ten.py").write_text(code, "utf-8")

    assert _run(bare, tmp_path, "python", "ten.py") == printed
    assert (tmp_path / "report.html").stat().st_size > 1_000_000
