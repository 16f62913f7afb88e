"""The journal on disk: cut lines, other programs' files, and files that are none."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError
from mmtoolkit.explorer.annotations import Annotations
from mmtoolkit.words import speaking

IDS = np.array(["a", "b", "c", "d"])
CLICK = np.array(["click"], dtype=object)


@pytest.fixture
def path(tmp_path):
    """A journal of two answers."""
    path = tmp_path / "labels.csv"
    notes = Annotations(IDS, path)
    notes.give(np.array([0]), "bird", CLICK)
    notes.give(np.array([1]), "cat, or\n\u2028dog", CLICK)
    return path


@pytest.mark.parametrize("cut", [4, 30, 40])
def test_last_line_that_was_cut_off_is_left_out_with_a_note(path, cut):
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])

    notes = Annotations(IDS, path)

    assert notes.frame()["id"].tolist() == ["a"]
    assert "the last line of the journal" in notes.note
    assert path.read_bytes() == whole[:-cut]  # looking changes nothing
    notes.give(np.array([2]), "fish", CLICK)
    again = Annotations(IDS, path)
    assert again.frame()["annotation"].tolist() == ["bird", "fish"]
    assert again.note == ""


def test_the_page_says_that_a_line_was_left_out(path, rng):
    path.write_bytes(path.read_bytes()[:-4])

    emb = mm.Embeddings(rng.normal(size=(4, 3)).astype("f"), ids=IDS)
    ex = mm.explore(emb, projection=np.zeros((4, 2)), journal=path)

    assert "was cut off" in ex.status


def test_the_first_annotation_that_no_file_keeps_says_how_it_would_be_kept(tmp_path, rng):
    emb = mm.Embeddings(rng.normal(size=(4, 3)).astype("f"), ids=IDS)
    ex = mm.explore(emb, projection=np.zeros((4, 2)))
    kept = mm.explore(emb, projection=np.zeros((4, 2)), journal=tmp_path / "labels.csv")

    said = []
    for explorer in (ex, kept):
        for item in ("a", "b"):
            explorer.select([item])
            explorer.label("bird")
            said.append('journal="labels.csv"' in explorer.status)

    assert said == [True, False, False, False]


def test_whole_last_line_without_its_end_is_kept(path):
    path.write_bytes(path.read_bytes().rstrip())
    notes = Annotations(IDS, path)

    notes.give(np.array([2]), "fish", CLICK)

    assert Annotations(IDS, path).frame()["id"].tolist() == ["a", "b", "c"]


def test_broken_line_before_the_last_is_refused_by_number(path):
    text = path.read_text("utf-8")
    path.write_text(text.replace("bird,click,1", "bird,click,one"), "utf-8")

    with pytest.raises(ValueError, match="line 2: expected id, annotation, how, order, time"):
        Annotations(IDS, path)


def test_time_that_is_none_is_refused_by_line(path):
    path.write_text("id,annotation,how,order,time\na,bird,click,1,yesterday\nb,cat,click,2,\n", "utf-8")

    with pytest.raises(ValueError, match=r"line 2.*yesterday"):
        Annotations(IDS, path)


def test_times_of_other_programs_and_a_byte_order_mark_are_read(path):
    lines = "id,annotation,how,order,time\na,bird,click,1,2026-11-22 10:00\nb,cat,click,2,2026-11-22T10:00:00.5+00:00\n"
    path.write_text(lines, "utf-8-sig")

    notes = Annotations(IDS, path)

    assert notes.frame()["id"].tolist() == ["a", "b"]
    assert notes.frame()["time"].is_monotonic_increasing


def test_empty_file_gets_its_heading(tmp_path):
    path = tmp_path / "labels.csv"
    path.touch()

    Annotations(IDS, path).give(np.array([0]), "bird", CLICK)

    assert Annotations(IDS, path).frame()["id"].tolist() == ["a"]


def test_other_encodings_and_folders_say_what_is_expected(path, tmp_path):
    path.write_text("id,annotation\na,Vögel\n", "latin-1")
    with pytest.raises(ValueError, match=r"labels.csv' is not in UTF-8 \(byte 17\); save it as CSV in UTF-8"):
        Annotations(IDS, path)
    with pytest.raises(MMToolkitError, match=r"cannot be read \(Is a directory\); journal= takes the path of a CSV"):
        Annotations(IDS, tmp_path)


WRITER = """
import sys, numpy as np
from mmtoolkit.explorer.annotations import Annotations, Verdict
path, name, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
ids = np.array([f"{w}-{i}" for w in "abc" for i in range(n)])
notes = Annotations(ids, path)
rows = np.array([i for i, value in enumerate(ids) if value.startswith(name)])
print("ready", flush=True)
sys.stdin.readline()
for row in rows[: n // 2].tolist():
    notes.give(np.array([row]), f"by {name}", np.array(["click"], dtype=object), Verdict("outliers", row, True))
notes.give(rows[n // 2 :], f"by {name}, " + 50 * "and so on ", np.full(n - n // 2, "lasso", dtype=object))
"""


def test_three_processes_that_write_one_journal_lose_nothing(tmp_path):
    path, n = tmp_path / "labels.csv", 60
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), name, str(n)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "abc"
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"

    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0

    ids = np.array([f"{name}-{i}" for name in "abc" for i in range(n)])
    notes = Annotations(ids, path)
    assert notes.given.all()
    assert [value[:4] for value in notes.annotation] == [f"by {name}" for name in "abc" for _ in range(n)]
    assert notes.answered("outliers").sum() == 3 * (n // 2)
    assert path.read_text("utf-8").count("id,annotation,how") == 1
    assert notes.note == ""


def test_two_explorers_in_one_kernel_write_one_journal(rng, tmp_path):
    path = tmp_path / "labels.csv"
    emb = mm.Embeddings(rng.normal(size=(4, 3)).astype("f"), ids=IDS)
    first, second = (mm.explore(emb, projection=np.zeros((4, 2)), journal=path) for _ in range(2))

    first.label("bird", items=["a"])
    second.label("cat", items=["b"])
    first.label("fish", items=["c"])
    second.label("dog", items=["d"])

    again = mm.explore(emb, projection=np.zeros((4, 2)), journal=path)
    assert again.annotated.tolist() == ["bird", "cat", "fish", "dog"]


def test_a_cut_line_is_not_taken_away_once_somebody_else_wrote(path):
    path.write_bytes(path.read_bytes()[:-4])
    first, second = Annotations(IDS, path), Annotations(IDS, path)
    first.give(np.array([2]), "fish", CLICK)

    second.give(np.array([3]), "dog", CLICK)

    assert Annotations(IDS, path).annotation.tolist() == ["bird", None, "fish", "dog"]


FULL = """
import resource, sys, numpy as np, mmtoolkit as mm
from mmtoolkit.errors import MMToolkitError
path, limit = sys.argv[1], int(sys.argv[2])
ids = np.array([f"item-{i}" for i in range(400)])
emb = mm.Embeddings(np.eye(400, 3, dtype="f") + 1, ids=ids)
ex = mm.explore(emb, projection=np.zeros((400, 2)), journal=path)
ex.label("first", items=[0])
before = open(path, "rb").read()
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
try:
    ex.label("many, many", items=range(1, 400))
except MMToolkitError as error:
    print(error)
print(open(path, "rb").read() == before, int(ex.notes.given.sum()))
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
ex.label("last", items=[399])
print(mm.explore(emb, projection=np.zeros((400, 2)), journal=path).annotations["annotation"].value_counts().to_dict())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("limit", [100, 9_000])
def test_a_full_disk_leaves_the_journal_as_it_was_and_loses_no_answer(tmp_path, limit):
    path = tmp_path / "labels.csv"

    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path), str(limit)], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stderr
    error, same, rest = done.stdout.splitlines()
    assert f"annotations cannot be written to {str(path)!r} (File too large)" in error
    assert "kept in memory" in error
    assert same == "True 400"
    assert rest == "{'many, many': 398, 'first': 1, 'last': 1}"


def test_a_changed_line_is_named_and_an_older_one_is_taken_as_it_is(path):
    changed = path.read_text("utf-8").replace("bird", "bite")
    path.write_text(changed, "utf-8", newline="")
    with pytest.raises(ValueError, match=r"line 2: it was changed after it was written; empty its cell 'check' if"):
        Annotations(IDS, path)

    checks = [line.rpartition(",")[2] for line in changed.splitlines()]
    path.write_text(changed.replace(checks[1], ""), "utf-8", newline="")
    assert Annotations(IDS, path).annotation[0] == "bite"

    path.write_text("id,annotation,how,order,time\r\na,bird,click,1,2026-11-22 10:00\r\n", "utf-8", newline="")
    Annotations(IDS, path).give(np.array([1]), "cat", CLICK)
    assert {line.count(",") for line in path.read_text("utf-8").splitlines()} == {4}  # the table keeps its shape
    assert Annotations(IDS, path).annotation.tolist() == ["bird", "cat", None, None]


def test_a_changed_last_line_without_its_end_is_not_taken_for_a_cut_one(path):
    path.write_bytes(path.read_bytes().rstrip().replace(b"cat,", b"dog,"))

    with pytest.raises(ValueError, match="it was changed after it was written"):
        Annotations(IDS, path)


def test_columns_that_a_spreadsheet_moved_stay_where_they_are(path):
    frame = pd.read_csv(path, dtype=str)
    frame[["check", "time", "order", "how", "annotation", "id"]].to_csv(path, index=False)

    Annotations(IDS, path).give(np.array([2]), "fish", CLICK)

    assert Annotations(IDS, path).frame()["id"].tolist() == ["a", "b", "c"]


def test_no_flipped_bit_gives_other_answers(path, rng):
    content, sound = path.read_bytes(), Annotations(IDS, path).frame()
    refused = 0
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            notes = Annotations(IDS, path)
        except ValueError:
            refused += 1
        else:
            assert notes.note or notes.frame().equals(sound)
    assert refused > 6 * len(content)


HOSTILE = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\tx",
    "\rx",
    "\n=1",
    " =1",
    "'=1",
    "''-x",
    "＝1",
    "-1",
    "'tis",
    "a;=1",
]


def test_a_spreadsheet_runs_nothing_and_everything_comes_back(tmp_path):
    import csv

    path, ids = tmp_path / "labels.csv", np.array(HOSTILE)
    notes = Annotations(ids, path)
    for row, text in enumerate(HOSTILE):
        notes.give(np.array([row]), text, np.array([text], dtype=object))

    with path.open(newline="", encoding="utf-8") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert [cell for cell in cells if cell.lstrip(" \n")[:1] in tuple("=+-@\t\r＝") and cell not in ("", "-1")] == []
    again = Annotations(ids, path)
    assert again.annotation.tolist() == again.how.tolist() == HOSTILE


def test_long_answers_are_read_again_and_absurd_orders_are_refused(path):
    Annotations(IDS, path).give(np.array([2]), "x" * 300_000, CLICK)

    assert len(Annotations(IDS, path).annotation[2]) == 300_000
    for order in ("9" * 5000, "²", "1e3"):
        path.write_text(f"id,annotation,how,order,time\na,bird,click,{order},2026-11-22\nb,cat,click,2,\n", "utf-8")
        with pytest.raises(ValueError, match="line 2: expected id, annotation, how, order, time"):
            Annotations(IDS, path)


@pytest.mark.parametrize("time", ["0001-01-01", "9999-12-31T23:59:59", "2100-01-01T00:00:00+14:00"])
def test_any_clock_is_taken(path, time):
    path.write_text(f"id,annotation,how,order,time\na,bird,click,1,{time}\nb,cat,click,2,{time}\n", "utf-8")

    assert Annotations(IDS, path).frame()["time"].dt.year.between(1, 9999).all()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_no_journal_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "labels.csv")

    with pytest.raises(MMToolkitError, match=r"labels.csv' cannot be read \(it is a pipe or a device, not a file\)"):
        Annotations(IDS, tmp_path / "labels.csv")
    with pytest.raises(MMToolkitError, match=r"'/dev/zero' cannot be read \(it is a pipe or a device"):
        Annotations(IDS, "/dev/zero")


def test_a_journal_in_a_folder_that_is_not_there_is_said_before_the_first_answer(tmp_path):
    with pytest.raises(MMToolkitError, match=r"labels\.csv' cannot be written: there is no folder '.*nowhere'"):
        mm.explore(np.eye(3), projection=np.eye(3)[:, :2], journal=tmp_path / "nowhere" / "labels.csv")


WORDS = ["a red bird", "a blue car", "an old map", "two cats"]


def opened(source, path, **options):
    return mm.explore(source, projection=np.zeros((len(source), 2)), journal=path, **options)


def embedded(texts, model=None, **options):
    frame = {"text": texts, **options}
    return mm.embed(mm.items(pd.DataFrame(frame), text="text"), model=model or counter("1"), cache=False)


def counter(revision):
    return mm.FunctionProvider(
        lambda texts: [[len(t), t.count("a") + 1] for t in texts], name="counts", revision=revision, dimension=2
    )


@pytest.fixture(params=["array", "list", "frame", "embeddings"])
def form(request):
    """Ways to pass vectors without ids."""
    return {
        "array": lambda X: X,
        "list": lambda X: X.tolist(),
        "frame": lambda X: pd.DataFrame(X, columns=["height", "width", "depth"]),
        "embeddings": mm.Embeddings,
    }[request.param]


def test_a_journal_of_other_rows_is_refused_and_one_of_these_is_not(tmp_path, rng, form):
    path, X, Y = tmp_path / "labels.csv", rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
    opened(form(X), path).label("bird", items=["1", "2"])
    before = path.read_bytes()

    with pytest.raises(ValueError, match=r"labels\.csv' was kept for other items .*the content of '1' .*a new file"):
        opened(form(Y), path)

    assert path.read_bytes() == before
    assert opened(form(X), path).annotated.tolist() == [None, "bird", "bird", None]
    assert opened(X.astype("f"), path).annotated.tolist() == [None, "bird", "bird", None]
    assert opened(form(np.vstack([X, Y])), path).annotated.tolist()[:4] == [None, "bird", "bird", None]


def test_what_fits_is_kept_and_the_rest_is_counted_until_it_is_answered_again(tmp_path, rng):
    path, X = tmp_path / "labels.csv", rng.normal(size=(4, 3))
    opened(X, path).label("bird", items=range(4))
    moved = X[[0, 1, 3, 2]]

    ex = opened(moved, path)

    assert ex.annotated.tolist() == ["bird", "bird", None, None]
    assert ex.status.startswith("the content of 2 items is not the one that was annotated, first: '2'; their answers")
    with speaking("zh"):
        assert "2 个样本的内容与标注时不同，第一个：'2'" in str(ex.status)
    ex.label("fish", items=[2, 3])
    assert opened(moved, path).annotated.tolist() == ["bird", "bird", "fish", "fish"]
    assert opened(moved, path).status == ""
    assert opened(X, path).annotated.tolist() == ["bird"] * 4  # nothing is lost from the file


def test_an_edited_text_is_asked_again_and_another_model_keeps_all_answers(tmp_path):
    path = tmp_path / "labels.csv"
    opened(embedded(WORDS, id=IDS), path).label("thing", items=range(4))

    for emb in (embedded(WORDS, counter("2"), id=IDS), embedded(WORDS, id=IDS)[::-1]):
        ex = opened(emb, path)
        assert ex.annotated.tolist() == ["thing"] * 4
        assert ex.status == ""
    ex = opened(embedded([*WORDS[:3], "two dogs"], id=IDS), path)
    assert ex.annotated.tolist() == ["thing", "thing", "thing", None]
    assert "first: 'd'" not in ex.status
    assert "'d'; its answers are left out" in ex.status


def test_texts_without_ids_are_not_those_of_another_list(tmp_path):
    path = tmp_path / "labels.csv"
    opened(embedded(WORDS), path).label("thing", items=[0])

    with pytest.raises(ValueError, match="was kept for other items"):
        opened(embedded(["something", "else", "in another", "model"], counter("2")), path)


def test_a_replaced_picture_is_asked_again_and_another_revision_keeps_its_answer(tmp_path):
    from PIL import Image

    path = tmp_path / "labels.csv"
    (tmp_path / "pictures").mkdir()
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"pictures/{name}.png")

    def pictures(revision):
        model = mm.FunctionProvider(
            lambda items: [[*np.asarray(i).mean((0, 1)), 1] for i in items],
            name="mean colour",
            revision=revision,
            dimension=4,
            modalities=["image"],
        )
        return mm.embed(mm.read_folder(tmp_path / "pictures"), model=model, cache=False)

    emb = pictures("1")
    opened(emb, path).label("colour", items=[0, 1])
    emb.save(tmp_path / "vectors.parquet")
    Image.new("RGB", (8, 8), "green").save(tmp_path / "pictures/b.png")

    assert opened(pictures("1"), path).annotated.tolist() == ["colour", None]
    assert opened(pictures("2"), path).annotated.tolist() == ["colour", "colour"]  # nothing known against it
    kept = mm.Embeddings.load(tmp_path / "vectors.parquet")
    assert opened(kept.centered(), path).annotated.tolist() == ["colour", "colour"]


def test_vectors_computed_anew_keep_the_answers_of_named_items(tmp_path, rng):
    path = tmp_path / "labels.csv"
    opened(mm.Embeddings(rng.normal(size=(4, 3)), ids=IDS), path).label("bird", items=["a"])

    again = opened(mm.Embeddings(rng.normal(size=(4, 7)), ids=IDS, model="another"), path)

    assert again.annotated.tolist() == ["bird", None, None, None]


def test_the_way_out_for_rows_that_are_the_same_items_after_all(tmp_path, rng):
    path, X = tmp_path / "labels.csv", rng.normal(size=(4, 3))
    opened(X, path, annotator="Ann").label("bird", items=[1])
    with pytest.raises(ValueError, match="delete the columns 'content' and 'check' of the file"):
        opened(X + 1e-3, path)

    pd.read_csv(path, dtype=str).drop(columns=["content", "check"]).to_csv(path, index=False)
    opened(X + 1e-3, path, annotator="Ann").label("cat", items=[2])

    assert opened(X + 1e-3, path).annotated.tolist() == [None, "bird", "cat", None]


@pytest.mark.parametrize("name", [None, "Ann"])
def test_a_file_of_before_is_widened_with_all_it_has(tmp_path, rng, name):
    path, X = tmp_path / "old.csv", rng.normal(size=(4, 3))
    long = "x" * 200_000
    path.write_text(f"id,annotation,how,order,time,check\r\n0,{long},click,1,,\r\n3,cat,cli", "utf-8", newline="")

    ex = opened(X, path, annotator=name)
    ex.label("fish", items=[1])
    ex.label("dog", items=[2])

    again = opened(X, path)
    assert again.annotated.tolist() == [long, "fish", "dog", None]
    assert again.status == ""
    columns = ["id", "annotation", "how", "order", "time", *([] if name is None else ["annotator"]), "content", "check"]
    assert pd.read_csv(path, dtype=str).columns.tolist() == columns
    with pytest.raises(ValueError, match="was kept for other items"):
        opened(X + 1, path)


def test_a_changed_digest_is_noticed_as_a_changed_line(tmp_path, rng):
    path, X = tmp_path / "labels.csv", rng.normal(size=(4, 3))
    opened(X, path).label("bird", items=[1])
    content = pd.read_csv(path, dtype=str)["content"][0]
    path.write_text(path.read_text("utf-8").replace(content, f"v{'0' * 16}"), "utf-8", newline="")

    with pytest.raises(ValueError, match="it was changed after it was written"):
        opened(X, path)


def test_an_annotator_is_told_of_own_answers_that_another_one_gave_anew(tmp_path):
    path = tmp_path / "labels.csv"
    for name in ("Ann", "Bob"):
        opened(embedded(WORDS), path, annotator=name).label("thing", items=range(4))
    edited = embedded([*WORDS[:3], "two dogs"])

    opened(edited, path, annotator="Bob").label("dogs", items=[3])

    ex = opened(edited, path, annotator="Ann")
    assert ex.annotated.tolist() == ["thing", "thing", "thing", None]
    assert "'3'; its answers are left out" in ex.status
    ex.label("dogs", items=[3])
    assert opened(edited, path).status == ""


def test_taking_back_an_answer_about_the_new_content_leaves_the_old_one(tmp_path):
    path, edited = tmp_path / "labels.csv", [*WORDS[:3], "two dogs"]
    opened(embedded(WORDS), path).label("thing", items=range(4))

    ex = opened(embedded(edited), path)
    ex.label("dogs", items=[3])
    ex.undo()

    assert opened(embedded(edited), path).annotated[3] is None
    assert opened(embedded(WORDS), path).annotated[3] == "thing"
