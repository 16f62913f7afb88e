"""The items frame: one shape from every source, and every wrong row named."""

import os
import unicodedata
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.errors import EmbeddingError
from mmtoolkit.frames import COLUMNS, contents_of, frame_of


def picture(path, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    PILImage.new("RGB", size, "red").save(path)
    return path


# items


def test_columns_come_in_order_and_others_are_kept():
    frame = mm.items(pd.DataFrame({"extra": [1, 2], "t": ["a", "b"], "cls": ["x", None]}), text="t", label="cls")

    assert list(frame.columns) == [*COLUMNS, "extra"]
    assert frame["id"].tolist() == ["0", "1"]
    assert frame["modality"].tolist() == ["text", "text"]
    assert frame["label"].tolist() == ["x", None]
    assert frame["extra"].tolist() == [1, 2]


def test_the_frame_handed_in_is_not_changed():
    mine = pd.DataFrame({"text": ["a"], "image": [None]}, index=[5])
    before = mine.copy(deep=True)

    mm.items(mine)

    pd.testing.assert_frame_equal(mine, before)


def test_a_csv_gives_absolute_paths_and_keeps_leading_zeros(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text("nr,picture,caption,kind\n007,a/b.png,001,NA\n8,https://h/x.png,null,\n", "utf-8")

    frame = mm.items(table, id="nr", image="picture", text="caption", label="kind")

    assert frame["id"].tolist() == ["007", "8"]
    assert frame["image"].tolist() == [str(tmp_path / "a" / "b.png"), "https://h/x.png"]
    assert frame["text"].tolist() == ["001", "null"]
    assert frame["label"].tolist() == ["NA", None]
    assert frame["modality"].tolist() == ["image", "image"]


def test_parquet_and_tsv_are_read_too(tmp_path):
    frame = pd.DataFrame({"id": ["x"], "text": ["a\tb"]})
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.tsv", sep="\t", index=False)

    assert (
        mm.items(tmp_path / "t.parquet")["text"].tolist()
        == mm.items(str(tmp_path / "t.tsv"))["text"].tolist()
        == ["a\tb"]
    )


def test_what_is_embedded_is_the_video_else_the_picture_else_the_text():
    frame = mm.items(
        pd.DataFrame({"text": ["a", "b", "c"], "image": [None, "i.png", "i.png"], "video": [None, None, "v.mp4"]})
    )

    assert frame["modality"].tolist() == ["text", "image", "video"]
    assert [type(c).__name__ for c in contents_of(frame)] == ["Text", "Image", "Video"]


def test_the_modality_can_be_given_for_all_rows_or_by_a_column():
    data = pd.DataFrame({"text": ["a", "b"], "image": ["i.png", "j.png"], "modality": ["fused", "text"]})

    assert mm.items(data)["modality"].tolist() == ["fused", "text"]
    assert mm.items(data, modality="image")["modality"].tolist() == ["image", "image"]
    assert [type(c).__name__ for c in contents_of(mm.items(data))] == ["Fused", "Text"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ({"text": []}, {}, "there are no rows"),
        ({"text": ["a"]}, {"image": "picture"}, "image='picture' names no column; the columns are text"),
        ({"caption": ["a"]}, {}, "no column to embed: name one with text=, image= or video=; the columns are caption"),
        ({"id": ["a", "b", "a"], "text": ["x"] * 3}, {}, "ids must be unique: 'a' stands in row 0 and in row 2"),
        ({"id": [1, "1"], "text": ["x"] * 2}, {}, "ids must be unique: '1' stands in row 0 and in row 1"),
        ({"id": ["a", None], "text": ["x"] * 2}, {}, "row 1 has no id"),
        ({"text": ["a"]}, {"modality": "sound"}, "row 0, id '0': modality must be one of text, image, video, fused, got 'sound'"),
        ({"text": ["a"] * 3, "label": ["x", 3, "y"]}, {}, "labels mix types: row 0 .id '0'. has 'x', row 1 .id '1'. has 3; make them all strings or all numbers"),
        ({"text": ["a"] * 2, "label": [True, 1]}, {}, "labels mix types"),
        ({"image": ["x.png", 1]}, {}, "row 1, id '1': expected a path, a URL or the image itself as image, got the number 1"),
        ({"id": ["p"], "clip": [2.5]}, {"video": "clip"}, "row 0, id 'p': .*as video, got the number 2.5"),
        ({("a", "text"): ["x"], ("a", "b"): ["y"]}, {}, r"the columns have 2 levels, the first is \('a', 'text'\)"),
    ],
)  # fmt: skip
def test_wrong_tables_are_told_what_is_wrong(data, options, message):
    with pytest.raises(ValueError, match=message):
        mm.items(pd.DataFrame(data), **options)


@pytest.mark.parametrize(
    ("data", "options", "bad", "reason"),
    [
        ({"text": ["a", None], "id": ["p", "q"]}, {}, "q", "there is nothing to embed as text; the row has nothing"),
        ({"image": ["i.png", float("nan")], "text": [None, None]}, {}, "1", "there is nothing to embed as image; the row has nothing"),
        ({"text": ["b", "a"], "image": ["j.png", None]}, {"modality": "image"}, "1", "there is nothing to embed as image; the row has text"),
        ({"text": ["a", "b"], "image": ["i.png", None]}, {"modality": "fused"}, "1", "there is nothing to embed as fused; the row has text"),
    ],
)  # fmt: skip
def test_a_row_without_content_fails_by_name_and_ends_nothing(data, options, bad, reason, tmp_path):
    data = {**data, "image": [p and p.replace("i.png", str(picture(tmp_path / "i.png"))).replace("j.png", str(picture(tmp_path / "j.png"))) if isinstance(p, str) else p for p in data.get("image", [None, None])]}  # fmt: skip
    provider = mm.FunctionProvider(
        lambda contents: np.ones((len(contents), 4)), name="ones", revision="1", dimension=4, modalities=("text", "image", "fused")
    )  # fmt: skip

    frame = mm.items(pd.DataFrame(data), **options)
    emb = mm.embed(frame, model=provider, cache=False, on_error="nan")

    assert emb.ok.tolist() == [True, False]
    assert emb.failed[["id", "reason"]].values.tolist() == [[bad, reason]]
    with pytest.raises(mm.MMToolkitError, match=f"1 of 2 items could not be embedded: row 1, id '{bad}': {reason}"):
        mm.embed(frame, model=provider, cache=False)


@pytest.mark.parametrize("labels", [[1, 2.5], ["x", None], [np.int64(1), 2], [True, False], [None, None]])
def test_labels_of_one_kind_are_taken(labels):
    frame = mm.items(pd.DataFrame({"text": ["a", "b"], "label": pd.Series(labels, dtype=object)}))

    assert [None if v is None else v for v in frame["label"]] == labels


def test_whole_numbers_with_gaps_stay_whole():
    frame = mm.items(pd.DataFrame({"text": ["a", "b", "c"], "label": [1, None, 3]}))

    assert frame["label"].tolist() == [1, None, 3]


def test_numbers_of_any_length_are_ids(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 123456789012345678901234567890, "text": "a"}\n{"id": -5, "text": "b"}\n')

    assert mm.items(path)["id"].tolist() == ["123456789012345678901234567890", "-5"]
    frame = pd.DataFrame({"id": [10**400, 2.0, "x"], "text": ["a", "b", "c"]})
    assert mm.items(frame)["id"].tolist() == [str(10**400), "2", "x"]


@pytest.mark.parametrize("name", ["missing.csv", "notes.txt", "empty.csv", "broken.csv", "broken.parquet"])
def test_unreadable_tables_are_named(tmp_path, name):
    if name != "missing.csv":
        (tmp_path / name).write_bytes(b"" if name == "empty.csv" else b"a,b\n\xff\xfe\xff\xfe,1\n")

    with pytest.raises(ValueError, match=name):
        mm.items(tmp_path / name)


@pytest.mark.parametrize("data", [["a", "b"], {"text"}, 3, None])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(
        TypeError, match=r"expected a table .* or the path of one, got (list|set|int|NoneType) of builtins"
    ):
        mm.items(data)


def test_duplicate_column_names_are_refused():
    data = pd.DataFrame([["a", "b"]], columns=["text", "text"])

    with pytest.raises(ValueError, match="the column 'text' occurs more than once"):
        mm.items(data)


def test_one_column_may_serve_only_once():
    data = pd.DataFrame({"text": ["a"], "kind": ["x"]})

    frame = mm.items(data, label="text")

    assert frame["label"].tolist() == frame["text"].tolist() == ["a"]


def test_pictures_in_memory_stay_what_they_are():
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)

    frame = mm.items(pd.DataFrame({"image": pd.Series([pixels, b"bytes", Path("a.png")], dtype=object)}))

    assert frame["image"][0] is pixels
    assert frame["image"][1] == b"bytes"
    assert frame["image"][2] == os.path.abspath("a.png")


def test_frame_of_contents_keeps_order_and_kinds():
    frame = frame_of([mm.Text("a"), mm.Image("i.png"), mm.Fused(text="t", video="v.mp4")])

    assert frame["modality"].tolist() == ["text", "image", "fused"]
    assert frame.loc[2, ["text", "image", "video"]].tolist() == ["t", None, "v.mp4"]


# read_folder


def test_sub_folders_are_labels_and_the_order_is_by_path(tmp_path):
    for name in ("dogs/b.png", "cats/z/a.jpg", "cats/b.webp"):
        picture(tmp_path / name)
    (tmp_path / "dogs" / "note.txt").write_text("a dog", "utf-8")
    (tmp_path / "dogs" / "table.xlsx").write_bytes(b"x")
    (tmp_path / "dogs" / "clip.mp4").write_bytes(b"x")

    frame = mm.read_folder(tmp_path, texts=True)

    assert frame["id"].tolist() == ["cats/b.webp", "cats/z/a.jpg", "dogs/b.png", "dogs/clip.mp4", "dogs/note.txt"]
    assert frame["label"].tolist() == ["cats", "cats", "dogs", "dogs", "dogs"]
    assert frame["modality"].tolist() == ["image", "image", "image", "video", "text"]
    assert frame["text"][4] == "a dog"
    assert all(os.path.isabs(path) for path in frame["image"].dropna())


def test_a_flat_folder_has_no_labels_and_a_function_gives_them(tmp_path):
    picture(tmp_path / "cat-1.png")
    picture(tmp_path / "dog-1.png")

    assert mm.read_folder(tmp_path)["label"].tolist() == [None, None]
    assert mm.read_folder(tmp_path, label=lambda path: path.stem.split("-")[0])["label"].tolist() == ["cat", "dog"]


def test_hidden_files_and_folders_are_left_out(tmp_path):
    for name in ("a.png", ".b.png", ".hidden/c.png", "x/.thumbs/d.png"):
        picture(tmp_path / name)

    assert mm.read_folder(tmp_path)["id"].tolist() == ["a.png"]


@pytest.mark.parametrize(
    "name",
    [
        'it\'s "quoted".png',
        "<script>alert(1)</script>/x.png",
        "鸟 🐦.png",
        "two\nlines.png",
        "a\\b.png",
        "sp ace/%20.png",
    ],
)
def test_odd_file_names_are_read_and_embedded(tmp_path, name):
    picture(tmp_path / name)

    frame = mm.read_folder(tmp_path)
    emb = mm.embed(frame, model="local", cache=False)

    assert frame["id"].tolist() == [name]
    assert emb.ok.all()
    assert "<script>" not in emb._repr_html_()


def test_a_name_that_is_not_utf8_is_read(tmp_path):
    raw = os.path.join(os.fsencode(tmp_path), b"caf\xe9.png")
    picture(Path(os.fsdecode(raw)))

    emb = mm.embed(mm.read_folder(tmp_path), model="local", cache=False)

    assert emb.ok.all()
    emb._repr_html_().encode("utf-8")


def test_an_empty_folder_says_what_was_looked_for(tmp_path):
    (tmp_path / "table.xlsx").write_bytes(b"x")

    with pytest.raises(ValueError, match=r"no pictures, videos or texts in .*looked for .*\.jpg.*\.mp4.*and \.txt"):
        mm.read_folder(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "file.png"])
def test_what_is_no_folder_is_refused(tmp_path, name):
    picture(tmp_path / "file.png")

    with pytest.raises(ValueError, match=f"{name}' is not a folder"):
        mm.read_folder(tmp_path / name)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"text": 7}, TypeError, r"row 1, id 'b': Text takes a str, got int"),
        ({"text": None}, mm.MMToolkitError, r"row 1, id 'b': there is nothing to embed as text; the row has nothing"),
        (
            {"modality": "fused"},
            mm.MMToolkitError,
            r"row 1, id 'b': there is nothing to embed as fused; the row has text",
        ),
        ({"modality": "sound"}, ValueError, r"row 1, id 'b': modality must be one of .*, got 'sound'"),
    ],
)
def test_a_frame_changed_by_hand_names_the_wrong_row(change, error, message):
    frame = mm.items(pd.DataFrame({"id": ["a", "b"], "text": ["x", "y"]}))
    for column, value in change.items():
        frame.loc[1, column] = value

    with pytest.raises(error, match=message):
        mm.embed(frame, model="local", cache=False)


def test_blank_text_files_fail_by_name_when_embedded(tmp_path):
    (tmp_path / "blank.txt").write_text(" \n", "utf-8")
    (tmp_path / "full.txt").write_text("a bird", "utf-8")

    with pytest.raises(mm.MMToolkitError, match=r"1 of 2 items .*row 0, id 'blank\.txt'.*blank"):
        mm.embed(mm.read_folder(tmp_path), model="local", cache=False)


def test_a_bad_picture_in_a_folder_is_named_and_the_rest_is_kept(tmp_path):
    picture(tmp_path / "good.png")
    (tmp_path / "text.jpg").write_text("I am no picture", "utf-8")
    (tmp_path / "empty.png").write_bytes(b"")

    emb = mm.embed(mm.read_folder(tmp_path), model="local", cache=False, on_error="nan")

    assert emb.ok.tolist() == [False, True, False]
    assert emb.failed["id"].tolist() == ["empty.png", "text.jpg"]
    assert emb.failed["reason"][0] == "the file is empty (0 bytes); expected a picture"
    assert emb.failed["reason"][1].startswith("not a picture: the file starts with b'I am no pict'")


def test_a_broken_link_is_left_out_and_a_loop_ends(tmp_path):
    picture(tmp_path / "a" / "x.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path, target_is_directory=True)

    assert mm.read_folder(tmp_path)["id"].tolist() == ["a/x.png"]


def test_paths_that_were_written_on_windows_are_found_here(tmp_path):
    (tmp_path / "photos" / "food").mkdir(parents=True)
    (tmp_path / "photos" / "food" / "a.png").write_bytes(b"")
    (tmp_path / "b\\c.png").write_bytes(b"")  # a name with a backslash is a name
    table = tmp_path / "list.csv"
    table.write_text("id,image\na,photos\\food\\a.png\nb,b\\c.png\nc,D:\\photos\\c.png\nd,photos\\gone.png\n")

    found = mm.items(table)["image"].tolist()

    assert found[:3] == [f"{tmp_path}/photos/food/a.png", f"{tmp_path}/b\\c.png", "D:\\photos\\c.png"]
    with pytest.raises(
        mm.MMToolkitError, match=r"no file 'D:.*which is written as on Windows: give the path as it is here"
    ):
        mm.embed(mm.items(table).iloc[2:], model="local", cache=False, progress=False)


def test_whole_numbers_that_a_gap_made_floats_are_written_without_a_point():
    frame = mm.items(pd.DataFrame({"id": [7.0, 8.0], "text": [1.0, np.nan]}))

    assert frame["id"].tolist() == ["7", "8"]
    assert frame["text"].tolist() == ["1", None]


def test_a_name_in_another_unicode_form_is_found_from_a_table_and_told_elsewhere(tmp_path):
    """A Mac writes the letters of file names in parts, as an archive of one keeps them."""
    PILImage.new("RGB", (8, 8)).save(tmp_path / unicodedata.normalize("NFD", "grün.png"))
    (tmp_path / "t.csv").write_text("image\ngrün.png\nfort.png\n", "utf-8")

    emb = mm.embed(mm.items(tmp_path / "t.csv"), model="local", cache=False, on_error="nan", progress=False)

    assert emb.ok.tolist() == [True, False]
    with pytest.raises(EmbeddingError, match=r"grün.png', but one that only looks the same .*: 'gru\\u0308n.png'"):
        mm.embed_images([str(tmp_path / "grün.png")], model="local", cache=False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://a.b/t.csv", "got the address 'https://a.b/t.csv'; download it, or take the path behind file://"),
        ("file:///t.csv", "got the address 'file:///t.csv'"),
        (".", r"is a folder; mm.read_folder lists the files of one"),
        ("t.json", "got 't.json'; pandas reads more kinds, and its frame can be passed"),
    ],
)
def test_what_is_no_file_of_a_table_says_what_to_do(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    Path("t.json").write_text("[]")

    with pytest.raises(ValueError, match=message):
        mm.items(name)
