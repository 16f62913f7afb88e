"""Folders: what is taken, what is left out and said, and links."""

import os
import sys

import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.cli import main


def picture(path, color="red"):
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.new("RGB", (32, 32), color).save(path)
    return path


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")


def test_hidden_and_system_files_are_left_out_and_counted(tmp_path):
    picture(tmp_path / "photos" / "a.png")
    for name in (".DS_Store", "._a.png", "Thumbs.db", "desktop.ini", "__MACOSX/b.png", "@eaDir/c.png", ".git/d.png"):
        touch(tmp_path / "photos" / name)

    frame = mm.read_folder(tmp_path / "photos")

    assert frame["id"].tolist() == ["a.png"]
    assert frame.attrs["left_out"] == {"hidden or of the system": 7}
    assert frame.attrs["notes"] == ["left out of 'photos': 7 hidden or of the system"]


def test_other_kinds_of_files_are_counted_by_kind_and_said_in_the_report(tmp_path):
    for number, color in enumerate(["red", "blue", "green", "white"]):
        picture(tmp_path / "photos" / f"{number}.png", color)
    for name in ("IMG_1.CR2", "IMG_2.cr2", "table.xlsx", "README", "a.txt"):
        touch(tmp_path / "photos" / name)

    frame = mm.read_folder(tmp_path / "photos")
    line = "left out of 'photos': 2 .cr2, 1 .txt, 1 .xlsx, 1 without an ending (texts=True takes .txt files, too)"
    rep = mm.report(mm.cluster(mm.embed(frame, model="local", cache=False), 2))

    assert len(frame) == 4
    assert frame.attrs["left_out"] == {".cr2": 2, ".xlsx": 1, "without an ending": 1, ".txt": 1}
    assert frame.attrs["notes"] == [line]
    assert "2 .cr2, 1 .txt, 1 .xlsx" in rep._repr_html_()


def test_folders_of_a_split_are_not_taken_for_classes_without_a_word(tmp_path):
    for name in ("train/cat/a.png", "train/dog/b.png", "Test_2/cat/c.png", "val/dog/d.png"):
        picture(tmp_path / name)

    with pytest.warns(UserWarning, match=r"the labels 'Test_2', 'train', 'val' look like the parts of a split; label="):
        frame = mm.read_folder(tmp_path)

    assert len(frame.attrs["notes"]) == 1
    assert mm.read_folder(tmp_path, label=lambda path: path.parent.name)["label"].tolist() == [
        "cat",
        "cat",
        "dog",
        "dog",
    ]
    picture(tmp_path / "bird" / "e.png")
    assert "notes" not in mm.read_folder(tmp_path).attrs
    with pytest.raises(TypeError, match="label must be a function from the path of a file to its class, got 'class'"):
        mm.read_folder(tmp_path, label="class")


def test_many_kinds_stay_one_line(tmp_path):
    picture(tmp_path / "a.png")
    for number in range(30):
        touch(tmp_path / f"x.kind{number}")

    frame = mm.read_folder(tmp_path)

    assert len(frame.attrs["left_out"]) == 30
    assert frame.attrs["notes"][0].endswith(", 22 of other kinds")


def test_texts_beside_pictures_are_items_only_when_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number, color in enumerate(["red", "blue", "green", "white"]):
        picture(tmp_path / "mixed" / f"{number}.png", color)
        (tmp_path / "mixed" / f"{number}.txt").write_text(f"a {color} picture", "utf-8")

    asked = mm.read_folder("mixed", texts=True)
    path = mm.report(mm.project(mm.embed(asked, model="local"), method="pca")).save(tmp_path / "report.json")

    assert mm.read_folder("mixed")["modality"].tolist() == ["image"] * 4
    assert asked["modality"].tolist() == ["image", "text"] * 4
    assert mm.verify(path).verdict == "identical"
    assert mm.verify(path, items="mixed").verdict == "identical"

    touch(tmp_path / "texts" / "a.txt")
    with pytest.raises(ValueError, match=r"no pictures.*left out of 'texts': 1 \.txt$"):
        mm.read_folder("texts", texts=False)


def test_links_to_folders_are_followed_once(tmp_path):
    picture(tmp_path / "pool" / "a.png")
    picture(tmp_path / "photos" / "real" / "b.png")
    links = {
        "photos/z": "pool",
        "photos/zz": "pool",
        "photos/again": "photos/real",
        "pool/back": "photos",
        "photos/up": ".",
    }
    for link, target in links.items():
        os.symlink(tmp_path / target, tmp_path / link, target_is_directory=True)
    os.symlink(tmp_path / "nowhere.png", tmp_path / "photos" / "gone.png")

    frame = mm.read_folder(tmp_path / "photos")

    assert frame["id"].tolist() == ["real/b.png", "z/a.png"]
    assert frame["label"].tolist() == ["real", "z"]
    assert frame.attrs["left_out"] == {"links to folders that are read already": 4, "broken links": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_fails_by_name(tmp_path):
    (tmp_path / "a.txt").write_text("a bird", "utf-8")
    (tmp_path / "b.txt").write_text("a bird", "utf-8")
    (tmp_path / "b.txt").chmod(0)

    emb = mm.embed(mm.read_folder(tmp_path), model="local", cache=False, on_error="nan")

    assert emb.failed[["id", "reason"]].values.tolist() == [["b.txt", "Permission denied"]]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "left out of 'photos': 1 .heif2, 1 .txt (--texts takes .txt files, too)"),
        (["--texts"], "left out of 'photos': 1 .heif2\n"),
    ],
)
def test_the_command_line_says_what_was_left_out_and_takes_texts_when_asked(tmp_path, capsys, flags, said):
    picture(tmp_path / "photos" / "a.png")
    touch(tmp_path / "photos" / "b.heif2")
    (tmp_path / "photos" / "a.txt").write_text("a red picture", "utf-8")

    main(["embed", str(tmp_path / "photos"), "--model", "local", "--out", str(tmp_path / "x.parquet"), *flags])

    assert f"mmtoolkit: note: {said}" in capsys.readouterr().err
    assert len(mm.Embeddings.load(tmp_path / "x.parquet")) == (2 if flags else 1)


def test_reading_many_files_shows_a_bar(tmp_path, capsys):
    for number in range(3):
        picture(tmp_path / f"{number}.png", (number, 0, 0))

    mm.embed(mm.read_folder(tmp_path), model="local", progress=True)
    shown = capsys.readouterr().err
    mm.embed(mm.read_folder(tmp_path), model="local", progress=False)

    assert "reading files:" in shown
    assert "/3 [" in shown
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode here")
def test_folders_named_in_another_encoding_are_classes_like_others(tmp_path):
    for raw in ("红色的鸟".encode("gb18030"), "café".encode("latin-1"), b"\x80\xff"):
        folder = os.path.join(os.fsencode(tmp_path), raw)
        os.mkdir(folder)
        for name in ("a red bird", "a green tree"):
            with open(os.path.join(folder, name.encode() + b".txt"), "w") as file:
                file.write(f"{name} {raw!r}")

    emb = mm.embed(mm.read_folder(tmp_path, texts=True), model="local", progress=False)

    assert set(emb.items["label"]) == {"红色的鸟", "café", "\\x80\\xff"}
    assert mm.classify(emb, cv=2, duplicates="ignore", inference=False).classes.tolist() == sorted(
        set(emb.items["label"])
    )
