"""Tables in files: dialects, encodings and workbooks; right, said, or refused by line."""

import subprocess
import sys
import tracemalloc
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mmtoolkit as mm

ROWS = [["a red bird", "animal"], ["a blue car, old", "road"]]

DIALECTS = {
    "comma": 'text,label\na red bird,animal\n"a blue car, old",road\n',
    "semicolon": "text;label\na red bird;animal\na blue car, old;road\n",
    "tab": "text\tlabel\na red bird\tanimal\na blue car, old\troad\n",
    "bar": "text|label\na red bird|animal\na blue car, old|road\n",
    "said by Excel": "sep=;\r\ntext;label\r\na red bird;animal\r\na blue car, old;road\r\n",
    "old Mac": 'text,label\ra red bird,animal\r"a blue car, old",road\r',
    "all quoted": '"text","label"\n"a red bird","animal"\n"a blue car, old","road"',
    "blanks": 'text, label\na red bird, animal\n"a blue car, old", road\n',
    "ends with a comma": 'text,label\na red bird,animal,\n"a blue car, old",road,,\n',
    "empty lines": '\ntext,label\n\na red bird,animal\n"a blue car, old",road\n\n',
}


def write(tmp_path, text, encoding="utf-8", name="t.csv"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


@pytest.mark.parametrize("name", DIALECTS)
def test_a_dialect_is_read_as_it_was_meant(tmp_path, name):
    frame = mm.items(write(tmp_path, DIALECTS[name]))

    assert frame[["text", "label"]].values.tolist() == ROWS
    assert "notes" not in frame.attrs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("text,label\na,b\nc,d,e\n", r"line 3 has 3 fields, the header has 2: \['c', 'd', 'e'\]"),
        ("text,label\na,b,c\nd,e,f\n", "line 2 has 3 fields, the header has 2"),
        ("id,text,label\n1,a,b\na,b\n", "line 3 has 2 fields, the header has 3"),
        ("text\na red bird, big\n", "line 2 has 2 fields, the header has 1"),
        ('text,label\n"two\nlines",b\nc\n', r"line 4 has 1 fields, the header has 2: \['c'\]"),
        ("sep=;\ntext;label\na\n", "line 3 has 1 fields"),
        ('text,label\n"12 inch,a\nfoo,b\n', "line 3: unexpected end of data; .* doubled"),
        ('text,label\n"say \\"hi\\"",b\n', "line 2: ',' expected after '\"'"),
        ("text,label,text\na,b,c\n", "the column 'text' occurs more than once in the header"),
        ("text, text\na,b\n", "the column 'text' occurs more than once in the header"),
        ("", "there is no header"),
        ("\n\n", "there is no header"),
    ],
)
def test_lines_that_do_not_fit_are_named_and_nothing_is_shifted(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"t\.csv' cannot be read as a table: .*{message}"):
        mm.items(write(tmp_path, text))


@pytest.mark.parametrize(
    ("encoding", "said"),
    [("utf-8-sig", None), ("gbk", "GB18030"), ("gb18030", "GB18030"), ("utf-16", "UTF-16"), ("utf-16-le", "UTF-16")],
)
def test_the_encoding_of_a_table_is_told_and_said(tmp_path, encoding, said):
    frame = mm.items(write(tmp_path, "text,label\n红色的鸟,动物\n", encoding))

    assert frame[["text", "label"]].values.tolist() == [["红色的鸟", "动物"]]
    assert frame.attrs.get("notes", []) == ([] if said is None else [f"'t.csv' was read as {said}"])


def test_an_encoding_that_is_not_clear_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ValueError, match=r"t\.csv' cannot be read as a table: byte 11 .*; save it as UTF-8"):
        mm.items(write(tmp_path, "text,label\nкрасная птица,животное\n", "cp1251"))


def test_types_and_long_texts_survive(tmp_path):
    text = "long " * 60_000

    frame = mm.items(write(tmp_path, f"id;text;size;label\n007;{text};1;x\n8;NA;2;\n"))

    assert frame["id"].tolist() == ["007", "8"]
    assert frame["text"].tolist() == [text, "NA"]
    assert frame["size"].tolist() == [1, 2]
    assert frame["label"].tolist() == ["x", None]


def test_a_row_without_text_is_a_failed_item(tmp_path):
    frame = mm.items(write(tmp_path, "id,text,label\na,a red bird,x\nb,,y\n"))

    emb = mm.embed(frame, model="local", cache=False, on_error="nan")

    assert emb.failed["id"].tolist() == ["b"]
    assert emb.ok.tolist() == [True, False]


def test_json_lines_keep_their_types(tmp_path):
    lines = '{"text": "a red bird", "label": "01", "n": 3}\n\n{"n": 4, "label": "02", "text": "雨\u2028天", "tags": ["a"]}\r\n'
    frame = mm.items(write(tmp_path, lines, name="t.jsonl"))

    assert frame["text"].tolist() == ["a red bird", "雨\u2028天"]
    assert frame["label"].tolist() == ["01", "02"]
    assert frame["n"].tolist() == [3, 4]
    assert frame["tags"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text": "a"}\n{"text": \n', "line 2 is no JSON: Expecting value"),
        ('[{"text": "a"},\n', "line 1 is no JSON"),
        ('{"text": "a"}\n["a"]\n', r"line 2 is '\[\"a\"\]'; expected an object in braces"),
        ("[" * 100_000, "line 1 is no JSON"),
    ],
)
def test_a_broken_line_of_json_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"t\.ndjson' cannot be read as a table: {message}"):
        mm.items(write(tmp_path, text, name="t.ndjson"))


def test_the_first_sheet_of_a_workbook_is_read_and_others_are_said(tmp_path):
    table = pd.DataFrame({"id": ["007", "8"], "text": ["a", "null"], "size": [1, 2], "label": ["x", None]})
    with pd.ExcelWriter(tmp_path / "one.xlsx") as book:
        table.to_excel(book, sheet_name="items", index=False)
    with pd.ExcelWriter(tmp_path / "two.xlsx") as book:
        table.to_excel(book, sheet_name="items", index=False)
        table.to_excel(book, sheet_name="old", index=False)

    one, two = mm.items(tmp_path / "one.xlsx"), mm.items(tmp_path / "two.xlsx")

    assert one[["id", "text", "size", "label"]].values.tolist() == [["007", "a", 1, "x"], ["8", "null", 2, None]]
    assert "notes" not in one.attrs
    assert two.attrs["notes"] == ["of the 2 sheets of 'two.xlsx', only the first, 'items', was read"]


def write_sheet(path, rows):
    pd.DataFrame(rows, dtype=object).to_excel(path, index=False, header=False)
    return path


def test_a_cell_that_was_typed_as_text_stays_text_in_every_column(tmp_path):
    rows = [["text", "label", "zip", "size", 2026], ["a", "01", "007", 1, 1.5], ["b", "1", 7, "2", None]]

    frame = mm.items(write_sheet(tmp_path / "t.xlsx", rows))

    assert frame["label"].tolist() == ["01", "1"]
    assert frame["zip"].tolist() == ["007", "7"]
    assert frame["size"].tolist() == [1, 2]
    assert frame["2026"].dtype == float


def test_blank_rows_and_columns_and_blanks_around_names_of_a_sheet_do_not_count(tmp_path):
    rows = [[None, None, None], [" text ", None, "label"], ["a", None, "x"], [None, None, None], ["b", None, "y"]]

    frame = mm.items(write_sheet(tmp_path / "t.xlsx", rows))

    assert frame[["id", "text", "label"]].values.tolist() == [["0", "a", "x"], ["1", "b", "y"]]
    assert list(frame.columns) == ["id", "modality", "text", "image", "video", "label"]


def test_a_merged_cell_of_a_sheet_gives_its_value_to_all_its_rows(tmp_path):
    rows = [
        [None, None],
        ["label", "text"],
        ["x", "a"],
        [None, "b"],
        ["y", "c"],
        [None, None],
        [None, "d"],
        [None, "e"],
    ]
    path = write_sheet(tmp_path / "t.xlsx", rows)
    book = openpyxl.load_workbook(path)
    for area in ("A3:A4", "A5:A7", "B5:B6"):
        book.active.merge_cells(area)
    book.save(path)

    frame = mm.items(path)

    assert frame[["text", "label"]].values.tolist() == [["a", "x"], ["b", "x"], ["c", "y"], ["d", "y"], ["e", None]]


def test_a_stray_cell_in_the_far_corner_of_a_sheet_is_told_instead_of_read(tmp_path, monkeypatch):
    monkeypatch.setattr("mmtoolkit._tables.room", lambda: (2.0**36, "free memory of the machine"))
    path = write_sheet(tmp_path / "a.xlsx", [["text"], ["red apple"]])
    book = openpyxl.load_workbook(path)
    book.active.cell(1_048_576, 16_384, "x")
    book.save(path)

    with pytest.raises(ValueError, match=r"a.xlsx' cannot be read as a table: a sheet has a cell in row 1,048,576 and one in column 16,384"):  # fmt: skip
        mm.items(path)


def test_a_parquet_file_of_equal_cells_beyond_memory_is_told_instead_of_read(tmp_path, monkeypatch):
    monkeypatch.setattr("mmtoolkit._tables.room", lambda: (2.0**28, "free memory of the machine"))
    same = pa.DictionaryArray.from_arrays(pa.array(np.zeros(4_000_000, "i4")), pa.array(["red apple"]))
    pq.write_table(pa.table({"text": same}), tmp_path / "a.parquet")

    with pytest.raises(ValueError, match=r"a.parquet' cannot be read as a table: its [\d,]+ bytes become more than memory holds: a table of 4,000,000 rows"):  # fmt: skip
        mm.items(tmp_path / "a.parquet")


def test_a_workbook_without_merged_cells_takes_less_memory(tmp_path):
    rows = [["text", "label"], *([f"text {i}", f"class {i % 2}"] for i in range(1500))]
    plain, merged = (write_sheet(tmp_path / name, rows) for name in ("plain.xlsx", "merged.xlsx"))
    book = openpyxl.load_workbook(merged)
    book.save(plain)
    book.active.merge_cells("C1:D1")
    book.save(merged)
    mm.items(merged)  # imports what it needs

    frames, peaks = [], []
    for path in (plain, merged):
        tracemalloc.start()
        frames.append(mm.items(path))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    pd.testing.assert_frame_equal(*frames)
    assert peaks[0] < 0.6 * peaks[1]


def test_a_name_that_a_sheet_has_twice_is_refused(tmp_path):
    path = write_sheet(tmp_path / "t.xlsx", [["text", "text", "label"], ["a", "b", "x"]])

    with pytest.raises(ValueError, match=r"t\.xlsx' .*: the column 'text' occurs more than once in the header"):
        mm.items(path)


@pytest.mark.parametrize(("name", "package"), [("t.xls", "xlrd"), ("t.ods", "odfpy")])
def test_a_package_that_pandas_lacks_is_named(tmp_path, name, package):
    path = tmp_path / name
    if package == "xlrd":
        path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("content.xml", "<office/>")

    with pytest.raises(
        ValueError, match=rf"{name}' cannot be read as a table: .* pip install {package}; or save .* as CSV"
    ):
        mm.items(path)


def test_without_openpyxl_one_sentence_says_what_to_install(tmp_path):
    pd.DataFrame({"text": ["a"]}).to_excel(tmp_path / "t.xlsx")
    code = (
        "import sys; sys.modules['openpyxl'] = None\n"
        "import mmtoolkit as mm\n"
        f"try: mm.items({str(tmp_path / 't.xlsx')!r})\n"
        "except ValueError as error: print(error)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "reading .xlsx needs a package that is not installed: pip install openpyxl; or save the table as CSV" in (
        done.stdout
    )


def test_a_broken_workbook_is_refused_by_name(tmp_path):
    (tmp_path / "t.xlsx").write_bytes(b"PK\x03\x04 no workbook")

    with pytest.raises(ValueError, match=r"t\.xlsx' cannot be read as a table"):
        mm.items(tmp_path / "t.xlsx")


def test_whole_numbers_of_json_lines_stay_exact_beside_a_gap(tmp_path):
    (tmp_path / "t.jsonl").write_text(
        '{"text": "a", "label": 9007199254740993}\n{"text": "b"}\n{"text": "c", "label": 9007199254740992}\n'
    )

    assert mm.items(tmp_path / "t.jsonl")["label"].tolist() == [9007199254740993, None, 9007199254740992]
