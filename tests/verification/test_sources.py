"""Where the vectors of a report come from: saved ones, the cache, or a model, and a service only when that is allowed."""

import os
import shutil
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import VerifyError


def test_saved_vectors_are_enough_without_pictures_and_cache(home):
    shutil.rmtree(home / "photos")

    checked = mm.verify(home / "report.json", vectors=home / "vectors.parquet", cache=False)

    assert checked.verdict == "identical"


def test_one_changed_vector_names_its_item(made, home):
    X = made[1].vectors.copy()
    X[4, 0] += 1e-3

    checked = mm.verify(home / "report.json", vectors=X)

    assert not checked.ok
    assert checked.causes == (f"the vector of item {str(made[1].ids[4])!r} is not the one the report was made from",)


def test_without_pictures_the_cache_is_enough(home):
    shutil.rmtree(home / "photos")

    checked = mm.verify(home / "report.json")

    assert checked.verdict == "identical"
    assert any("were not compared with the report" in note for note in checked.notes)


def test_vectors_that_are_gone_say_what_to_do(home, tmp_path):
    shutil.rmtree(home / "photos")

    with pytest.raises(VerifyError, match=r"60 of 60 items are not in the cache, first: 'animals/.*--vectors"):
        mm.verify(home / "report.json", cache=tmp_path / "empty")


def test_vectors_centered_by_modality_are_centered_again_in_the_same_way(words, home, made):
    both = mm.concat([made[1], words[2]])
    centered = both.centered(by="modality")
    centered.save(home / "centered.parquet")
    both.save(home / "raw.parquet")
    path = mm.report(mm.cluster(centered, 3), mm.project(centered[::3], method="pca")).save(home / "report.json")

    assert mm.verify(path).verdict == "identical"
    assert mm.verify(path, vectors=home / "centered.parquet").verdict == "identical"
    assert mm.verify(path, vectors=home / "raw.parquet").verdict == "identical"
    assert not mm.verify(path, vectors={"emb": both.vectors, "emb_2": centered[::3]}).ok


def test_vectors_that_cannot_be_read_are_refused(derived, tmp_path):
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))

    for name in ("nothing.npy", "objects.npy"):
        with pytest.raises(VerifyError, match=f"{name}' cannot be read as an array of numbers"):
            mm.verify(derived[0] / "report.json", vectors=tmp_path / name)
    with pytest.raises(VerifyError, match="30 rows of numbers"):
        mm.verify(derived[0] / "report.json", vectors=derived[1].astype(str))


def test_a_service_is_not_called_unless_allowed(tmp_path, emulator, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
    monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    frame = mm.items(pd.DataFrame({"text": [f"word {i}" for i in range(12)]}))
    emb = mm.embed(frame, model="tongyi-embedding-vision-plus", cache=tmp_path / "a", progress=False)
    path = mm.report(mm.cluster(emb, 2)).save(tmp_path / "report.json")
    sent = emulator.calls

    with pytest.raises(VerifyError, match="allow_fetch"):
        mm.verify(path, items=frame, cache=tmp_path / "b")
    assert emulator.calls == sent

    assert mm.verify(path, items=frame, cache=tmp_path / "a").ok
    assert emulator.calls == sent


def test_changed_texts_are_seen_without_key_and_service(tmp_path, emulator, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
    monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    frame = mm.items(pd.DataFrame({"text": [f"word {i}" for i in range(12)]}))
    emb = mm.embed(frame, model="tongyi-embedding-vision-plus", cache=tmp_path / "a", progress=False)
    path = mm.report(mm.cluster(emb, 2), mm.search(emb, "other words", k=3)).save(tmp_path / "report.json")
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    sent = emulator.calls
    frame.loc[3, "text"] = "another word"

    checked = mm.verify(path, items=frame, vectors=emb, cache=False)

    assert checked.causes == ("the text of item '3' has changed",)
    assert checked.checked == ("cluster",)
    assert "'search' was not checked: the step 'search' cannot be computed again" in checked.notes[-1]
    assert "allow_fetch=True" in checked.notes[-1]
    assert emulator.calls == sent


def test_own_vectors_must_be_passed(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    path = mm.report(mm.classify(X, np.arange(40) % 2), mm.cluster(X, 3)).save(tmp_path / "report.json")

    assert mm.verify(path, vectors=X).verdict == "identical"
    with pytest.raises(VerifyError, match="vectors of your own"):
        mm.verify(path)
    with pytest.raises(VerifyError, match="40 rows"):
        mm.verify(path, vectors=X[:30])


def test_rows_without_a_vector_may_stay_without_one(tmp_path, rng):
    X = rng.normal(size=(40, 5))
    X[3] = np.nan
    path = mm.report(mm.audit(X, np.arange(40) % 2)).save(tmp_path / "report.json")

    assert mm.verify(path, vectors=X).checked == ("audit",)
    assert mm.verify(path, vectors=X).verdict == "identical"
    assert not mm.verify(path, vectors=np.nan_to_num(X)).ok


@pytest.mark.parametrize("given", [5, True, [], ["a.png"], b"photos", np.zeros((2, 2)), object()])
def test_items_that_are_no_table_and_no_path_are_refused(home, given):
    with pytest.raises(TypeError, match=r"^items must be a table, or the path of a table or folder, got "):
        mm.verify(home / "report.json", items=given)


@pytest.mark.parametrize("table", ["id,image,label\n", "", "id,label\na.png,red\n", None])
def test_a_table_that_holds_no_items_is_refused_as_all_that_verify_cannot_use(home, tmp_path, table):
    file = tmp_path / "items.csv"
    if table is not None:
        file.write_text(table)

    with pytest.raises(VerifyError, match=r"^the items that were given cannot be read: "):
        mm.verify(home / "report.json", items=file)


def test_items_of_any_library_and_vectors_with_items_are_taken(made, home):
    frame = made[1].items[["id", "image", "label"]]

    for given in (made[1], pl.from_pandas(frame), frame.to_dict("records")):
        assert mm.verify(home / "report.json", items=given).verdict == "identical"


def test_a_folder_that_was_emptied_is_a_verdict(home):
    for picture in [path for path in (home / "photos").rglob("*") if path.is_file()]:
        picture.unlink()

    checked = mm.verify(home / "report.json", items=home / "photos")

    assert not checked.ok
    assert checked.causes[0].endswith("is not among the items any more")


@pytest.mark.parametrize("what", ["items", "vectors"])
def test_a_mapping_with_a_name_that_the_report_does_not_know_is_refused(home, what):
    with pytest.raises(ValueError, match=rf"^{what} names 'embb' .did you mean 'emb'\?.; the report was made of emb$"):
        mm.verify(home / "report.json", **{what: {"embb": home}})


def test_a_report_that_was_not_saved_is_told_what_to_do(made):
    with pytest.raises(TypeError, match=r"must be the path of a report\.json or report\.html, got Report; save it"):
        mm.verify(mm.report(mm.cluster(made[1], 2)))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names of files are Unicode here")
@pytest.mark.parametrize("ending", ["json", "html", "md"])
def test_a_folder_named_in_another_encoding_is_reported_and_found_again(tmp_path, ending):
    photos = os.path.join(os.fsencode(tmp_path), "图片".encode("gbk"))
    os.mkdir(photos)
    for name in ("a red bird", "a blue car", "a green tree"):
        with open(os.path.join(photos, name.encode() + b".txt"), "w") as file:
            file.write(name)
    emb = mm.embed(mm.read_folder(os.fsdecode(photos), texts=True), model="local", progress=False)
    rep = mm.report(mm.cluster(emb, 2), title=os.path.basename(os.fsdecode(photos)))

    rep.save(tmp_path / "report.json")
    saved = rep.save(tmp_path / f"report.{ending}")

    if ending == "md":
        assert saved.read_text("utf-8").startswith("# ")
        return
    checked = mm.verify(saved, cache=False)
    assert checked.verdict == "identical"
    assert checked.notes == mm.verify(saved, items=emb, cache=False).notes
    with open(os.path.join(photos, b"a red bird.txt"), "w") as file:
        file.write("another bird")
    assert not mm.verify(saved, cache=False).ok
