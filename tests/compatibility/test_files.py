"""Files that earlier versions wrote open, and give the same as they gave to the version that wrote them.

They are in files/VERSION: files.zip, and expected.json with what that version read from them (see make_files.py).
Later versions may have another offline model: what such a model made before must open and be of use all the same, and
whoever asks for more of it must be told that the revision is another one.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compatibility import described
from compatibility.described import FILES, FLASH, LONG, QUERIES, QUERY, V1, V1_TEXTS, V4

import mmtoolkit as mm
from mmtoolkit.errors import DriftError, SpaceError

VERSIONS = sorted(path.name for path in FILES.iterdir() if path.is_dir())
MODEL_FREE = ("own", "plain", "report-own")
LOCAL = ("report-local", "centered-local")
SERVICE = ("params", "failed", "centered", "report-service")


@pytest.fixture(scope="session", params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture(scope="session")
def expected(version):
    return json.loads((FILES / version / "expected.json").read_text("utf-8"))


@pytest.fixture
def files(version, tmp_path, monkeypatch):
    """The files, to be changed at will; their cache is the user's."""
    folder = described.unpack(version, tmp_path / "files")
    monkeypatch.setenv("MMTOOLKIT_CACHE", os.fspath(folder / "cache"))
    yield folder
    mm.EmbeddingCache(folder / "cache").close()


@pytest.fixture(scope="session")
def same_local(expected):
    """Whether the offline model is the one that made the files."""
    return mm.embed_texts(["a"], model="local", cache=False).revision == expected["local_revision"]


def load(folder, name):
    path = f"reports/{name.removeprefix('report-')}/vectors" if name.startswith("report-") else f"vectors/{name}"
    return mm.Embeddings.load(folder / f"{path}.parquet")


def things(folder):
    return mm.items(folder / "reports/service/things.csv")


def near(a, b):
    """Equal, numbers that were computed to nine decimals."""
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert one[name] == (
                pytest.approx(other[name], abs=1e-6) if isinstance(other[name], float) else other[name]
            )


# ---- the cache


def test_cache_tells_the_same_of_itself(files, expected):
    cache = mm.EmbeddingCache(files / "cache")

    assert described.stats(cache) == expected["stats"]
    checked = cache.verify()
    assert checked.ok
    assert checked.rows == expected["rows"]
    assert described.stats(mm.EmbeddingCache(files / "cache", read_only=True)) == expected["stats"]


def test_every_space_of_the_cache_gives_its_vectors(files, expected, tmp_path):
    cache = mm.EmbeddingCache(files / "cache")

    for row, held in zip(expected["stats"], expected["spaces"], strict=True):
        cache.export(
            tmp_path / "one.parquet", model=row["model"], revision=row["revision"], dimension=row["dimension"],
            params=json.loads(row["params"]),
        )  # fmt: skip
        assert described.table(tmp_path / "one.parquet") == held


def from_cache(folder, **options):
    """Embed what the cache has of the service, all spaces."""
    pictures = [mm.Image(path) for path in described.pictures(folder)[:2]]
    yield mm.embed([*map(mm.Text, V1_TEXTS), *pictures], model=V1, **options)
    yield mm.embed_texts(QUERIES, model=V4, dimension=256, params=QUERY, **options)
    yield mm.embed_texts(QUERIES[:2], model=V4, dimension=256, **options)
    yield mm.embed_texts(QUERIES[:2], model=FLASH, **options)
    yield mm.embed(things(folder), model=FLASH, dimension=64, **options)


def test_cached_vectors_are_found_without_a_request(files, expected, service):
    found = list(from_cache(files))

    assert [emb.usage["cached"] for emb in found] == [6, 3, 2, 2, 24]
    assert [emb.usage["computed"] for emb in found] == [0] * 5
    assert not service.records
    assert described.sha(found[1].vectors) == expected["embeddings"]["params"]["vectors"]
    assert found[1].content_keys.tolist() == expected["embeddings"]["params"]["content_keys"]
    assert found[1].fingerprint == expected["embeddings"]["params"]["fingerprint"]
    assert found[4].fingerprint == expected["embeddings"]["report-service"]["fingerprint"]
    space = next(i for i, row in enumerate(expected["stats"]) if row["model"] == V1)
    order = np.argsort(found[0].content_keys)
    assert found[0].content_keys[order].tolist() == expected["spaces"][space]["keys"]
    assert described.sha(found[0].vectors[order]) == expected["spaces"][space]["vectors"]


def test_what_the_cache_has_is_estimated_as_cached(files):
    asked = mm.estimate([*map(mm.Text, V1_TEXTS), mm.Text("something new")], model=V1)

    assert (asked.cached, asked.to_compute) == (4, 1)


def test_cache_takes_more(files, service):
    emb = mm.embed_texts([*QUERIES, "something new"], model=V4, dimension=256, params=QUERY)

    assert emb.usage["cached"] == 3
    assert emb.usage["computed"] == 1
    assert service.calls
    assert mm.EmbeddingCache(files / "cache").verify().ok


def test_local_vectors_are_found_without_computing(files, expected, same_local):
    if not same_local:
        pytest.skip("the offline model has another revision than the one that made these files")

    emb = mm.embed(mm.items(files / "reports/local/words.csv"), model="local")
    pictures = mm.embed_images(described.pictures(files)[:4], model="local")

    assert (emb.usage["cached"], emb.usage["computed"]) == (24, 0)
    assert (pictures.usage["cached"], pictures.usage["computed"]) == (4, 0)
    assert emb.fingerprint == expected["embeddings"]["report-local"]["fingerprint"]


def test_another_offline_model_does_not_touch_the_old_vectors(files, expected):
    emb = mm.embed(mm.items(files / "reports/local/words.csv"), model="local")

    assert emb.ok.all()
    rows = described.stats(mm.EmbeddingCache(files / "cache"))
    assert [row for row in rows if row in expected["stats"]] == expected["stats"]


@pytest.mark.parametrize("name", ["exported", "exported-flash"])
def test_exported_tables_are_read_and_spare_the_requests(files, expected, service, tmp_path, name):
    assert described.table(files / f"vectors/{name}.parquet") == expected["exported"][name]
    cache = mm.EmbeddingCache(tmp_path / "new")

    assert cache.import_(files / f"vectors/{name}.parquet") == len(expected["exported"][name]["keys"])

    if name == "exported":
        emb = mm.embed_texts(QUERIES, model=V4, dimension=256, params=QUERY, cache=cache)
    else:
        emb = mm.embed(things(files), model=FLASH, dimension=64, cache=cache)
    assert emb.usage["computed"] == 0
    assert not service.records


def test_canary_of_the_first_day_is_the_measure(files, expected, service):
    watched = mm.DashScope(V4, canary=True)
    kept = {path: json.loads(path.read_text("utf-8"))["since"] for path in (files / "cache/canary").glob("*.json")}
    assert len(kept) == expected["canary"]

    mm.embed_texts(["something new"], model=watched, dimension=256, params=QUERY)  # as on the first day

    now = {path: json.loads(path.read_text("utf-8"))["since"] for path in (files / "cache/canary").glob("*.json")}
    assert now == kept
    service.drift = True
    for path in kept:  # it asks once a day
        path.write_text(re.sub(r'"checked": "[^"]*"', '"checked": "2000-01-01"', path.read_text("utf-8")), "utf-8")
    with pytest.raises(DriftError, match=f"have changed since {min(kept.values())}"):
        mm.embed_texts(["something newer"], model=watched, dimension=256, params=QUERY)


# ---- saved vectors


@pytest.mark.parametrize("name", [*MODEL_FREE, *LOCAL, *SERVICE])
def test_saved_vectors_are_the_same(files, expected, name):
    emb = load(files, name)

    now = described.embeddings(emb)
    for part, value in expected["embeddings"][name].items():
        assert now[part] == value, part
    assert emb[1:].ids.tolist() == now["ids"][1:]


@pytest.mark.parametrize("name", [*MODEL_FREE, *LOCAL, *SERVICE])
def test_saved_vectors_are_searched_by_vectors(files, expected, name):
    emb = load(files, name).drop_failed()

    near(described.frame(mm.search(emb, emb.vectors[0], k=3).table), expected["search"][name])
    assert mm.search(emb, item=emb.ids[0], k=1).id[0] != emb.ids[0]


@pytest.mark.parametrize("name", [*MODEL_FREE, *LOCAL, *SERVICE])
def test_saved_vectors_are_saved_again(files, expected, name, tmp_path):
    load(files, name).save(tmp_path / "again.parquet")

    again = described.embeddings(mm.Embeddings.load(tmp_path / "again.parquet"))
    assert again == expected["embeddings"][name]


@pytest.mark.parametrize("name", MODEL_FREE)
def test_own_vectors_have_no_model_to_encode_with(files, name):
    with pytest.raises(SpaceError, match="without a model"):
        load(files, name).encode(["a word"])


@pytest.mark.parametrize("name", ["local", "centered-local"])
def test_local_vectors_are_encoded_beside_or_tell_the_other_revision(files, expected, same_local, name):
    emb = load(files, {"local": "report-local"}.get(name, name))

    if same_local:
        assert described.sha(emb.encode(["a bird"])) == expected["encoded"][name]
        return
    with pytest.raises(
        SpaceError, match=rf"this installation makes .* revision '{expected['local_revision'][:12]}' against "
    ):
        emb.encode(["a bird"])


def test_vectors_of_the_service_are_encoded_beside_from_the_cache(files, expected, service):
    X = load(files, "centered").encode(["a red hat", "a yellow hat"])

    assert described.sha(X) == expected["encoded"]["centered"]
    assert load(files, "params").encode([QUERIES[0]]).tobytes() == load(files, "params").vectors[0].tobytes()
    assert not service.records


def test_vectors_are_centered_as_then(files, expected):
    emb = load(files, "report-service").centered()

    assert described.embeddings(emb)["fingerprint"] == expected["embeddings"]["centered"]["fingerprint"]
    assert described.sha(emb.vectors) == expected["embeddings"]["centered"]["vectors"]


# ---- classifiers

TRAINED = {"own": "report-own", "local": "report-local", "centered": "centered"}


@pytest.mark.parametrize("name", TRAINED)
def test_classifiers_predict_the_same(files, expected, name):
    saved = mm.load_classifier(files / "classifiers" / name)

    now, then = described.classifier(saved, load(files, TRAINED[name])), expected["classifiers"][name]
    assert now["predicted"] == then["predicted"]
    np.testing.assert_allclose(now["proba"], then["proba"], rtol=0, atol=1e-7)  # 0.1.0 rounded its logits to float32
    for part in ("classes", "metrics", "recipe"):
        assert now[part] == then[part]


def test_classifier_of_the_service_embeds_items_from_the_cache(files, expected, service):
    saved = mm.load_classifier(files / "classifiers/centered")

    assert saved.predict(["a red hat", "a yellow hat"]).tolist() == expected["classified"]["centered"]
    assert not service.records


def test_classifier_of_local_vectors_embeds_items_or_tells_the_other_revision(files, expected, same_local):
    saved = mm.load_classifier(files / "classifiers/local")

    if same_local:
        assert saved.predict(["a bird", "some soup"]).tolist() == expected["classified"]["local"]
        return
    with pytest.raises(
        SpaceError, match=rf"this installation makes .* revision '{expected['local_revision'][:12]}' against "
    ):
        saved.predict(["a bird"])
    fresh = mm.embed_texts(["a bird"], model="local", cache=False)
    with pytest.raises(SpaceError, match="revision"):
        saved.predict(fresh)


def test_classifiers_refuse_vectors_of_another_space(files):
    with pytest.raises(SpaceError):
        mm.load_classifier(files / "classifiers/local").predict(load(files, "centered"))
    with pytest.raises(SpaceError, match="not centered"):
        mm.load_classifier(files / "classifiers/centered").predict(load(files, "report-service"))


# ---- reports

ENVIRONMENT = re.compile(
    r"\S+ was .*, now it is .*|map coordinates were not compared, because versions or platform differ"
)


CHANGED = ("classify", "classify_learning_curve", "audit", "compare", "zero_shot", "evaluate_search")
"""What the default classifier computes: its probabilities at few items were too sure in 0.1.0. Intervals of few items or queries."""


def stands(checked, then):
    """A report is as it was, but for what is computed otherwise on purpose; that is said, and why."""
    moved = {where.split(".")[0] for where in checked.differences.index[checked.differences["kind"] != "map"]}
    assert moved <= set(CHANGED), checked
    assert list(checked.checked) == then["checked"]
    if checked.ok:
        assert checked.verdict in (then["verdict"], "equal within tolerance")
        assert checked.causes == ()
    else:
        assert re.fullmatch(r"versions differ: .*\bsource \(absent\) became [0-9a-f]{12}.*", *checked.causes)
    assert all(
        ENVIRONMENT.fullmatch(note) or note.startswith("the model 'local' was revision") for note in checked.notes
    )


@pytest.mark.parametrize("name", ["own", "local", "long"])
def test_reports_stand_beside_saved_vectors(files, expected, version, name):
    checked = mm.verify(
        files / f"reports/{name}/report.json", vectors=described.vectors_of_report(files, name), cache=False
    )

    stands(checked, expected["reports"][name])
    told = any(note == f"mmtoolkit was {version}, now it is {mm.__version__}" for note in checked.notes)
    assert told == (version != mm.__version__)


@pytest.mark.parametrize("saved", [True, False])
def test_report_of_the_service_stands_without_key_and_request(files, expected, emulator, monkeypatch, saved):
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)  # the key is missing
    vectors = described.vectors_of_report(files, "service") if saved else None

    stands(mm.verify(files / "reports/service/report.json", vectors=vectors), expected["reports"]["service"])
    assert not emulator.records


def test_report_of_local_vectors_stands_from_the_cache(files, expected):
    stands(mm.verify(files / "reports/local/report.json"), expected["reports"]["local"])


def test_what_was_asked_in_words_is_asked_again_of_the_same_model_only(files, expected, same_local):
    vectors = described.vectors_of_report(files, "asked")

    checked = mm.verify(files / "reports/asked/report.json", vectors=vectors)

    if same_local:
        stands(checked, expected["reports"]["asked"])
        return
    assert checked.verdict.startswith("not checked: ")  # words by another model have no place among these vectors
    assert checked.checked == ()
    assert "revision" in checked.verdict


def test_another_offline_model_is_a_note(files, expected, same_local):
    checked = mm.verify(files / "reports/local/report.json", vectors=files / "reports/local/vectors.parquet")

    told = [
        note
        for note in checked.notes
        if note.startswith(f"the model 'local' was revision '{expected['local_revision'][:12]}'")
    ]
    assert len(told) == (not same_local)


def test_a_changed_item_of_an_old_report_is_named(files):
    table = files / "reports/local/words.csv"
    table.write_text(table.read_text("utf-8").replace("the old dog", "the young dog"), "utf-8")

    checked = mm.verify(files / "reports/local/report.json", vectors=files / "reports/local/vectors.parquet")

    assert checked.causes == ("the text of item 'w01' has changed",)


def test_a_changed_vector_of_an_old_report_is_named(files):
    X = load(files, "report-local").vectors.copy()
    X[3, 0] += 1e-3

    checked = mm.verify(files / "reports/local/report.json", vectors=X)

    assert checked.causes == ("the vector of item 'w03' is not the one the report was made from",)


def test_sidecar_holds_the_long_lists(files):
    assert (files / "reports/long/report.items.parquet").is_file()
    X = described.long_vectors()
    X[LONG - 1] += 1

    checked = mm.verify(files / "reports/long/report.json", vectors=X)

    assert checked.causes == (f"the vector of item '{LONG - 1}' is not the one the report was made from",)


# ---- annotations


def test_journal_gives_the_annotations(files, expected):
    ex = described.explorer(files)

    assert ex.annotations["annotator"].isna().all()  # a column that journals of 0.1.0 lack
    assert described.frame(ex.annotations.drop(columns="annotator")) == expected["annotations"]
    assert described.frame(ex.reviewed) == expected["reviewed"]
    assert described.frame(ex.annotations_diff()) == expected["diff"]


def test_journal_goes_on(files, expected):
    path = files / "annotations/journal.csv"
    before = pd.read_csv(path, dtype=str)

    described.explorer(files).label("later", items=["n20"])

    after = pd.read_csv(path, dtype=str)  # with columns that 0.1.0 does not have, and reads over
    assert after[before.columns][: len(before)].equals(before)
    again = described.explorer(files).annotations
    said = described.frame(again.drop(columns="annotator"))
    assert [row for row in said if row["id"] != "n20"] == [row for row in expected["annotations"] if row["id"] != "n20"]
    assert said[-1]["annotation"] == "later"
    assert again["order"].is_monotonic_increasing


# ---- Spark's vector tables


@pytest.mark.parametrize("name", ["local", "service"])
def test_vector_tables_of_spark_are_imported(files, expected, tmp_path, name):
    assert described.table(files / "spark" / name) == expected["spark"][name]
    cache = mm.EmbeddingCache(tmp_path / "new")

    assert cache.import_(files / "spark" / name) == len(expected["spark"][name]["keys"])

    cache.export(tmp_path / "out.parquet")
    assert described.table(tmp_path / "out.parquet") == expected["spark"][name]


def boats():
    colours = [*described.COLOURS, "red"]
    return pd.DataFrame({"id": [f"s{i}" for i in range(5)], "modality": "text", "text": [f"{c} boat" for c in colours]})


@pytest.fixture
def key_file(emulator):
    """The workers' key and address are in no environment variable: the session may be older than this test."""
    path = Path(os.environ["HOME"]) / ".dashscope" / "api_key"
    path.parent.mkdir(exist_ok=True)
    path.write_text(emulator.api_key)
    yield
    path.unlink()


@pytest.mark.spark
def test_spark_finds_all_in_the_table_of_the_service(to_spark, files, expected, emulator, key_file):
    before = sorted((files / "spark/service").glob("*.parquet"))
    model = mm.DashScope(FLASH, base_url=emulator.base_url)

    rows = mm.spark.embed(to_spark(boats()), model=model, dimension=64, table=files / "spark/service").collect()

    assert not emulator.records
    assert sorted((files / "spark/service").glob("*.parquet")) == before
    assert all(row["error"] is None for row in rows)
    found = {bytes(row["key"]).hex(): row["vector"] for row in rows}
    assert sorted(found) == expected["spark"]["service"]["keys"]
    assert described.sha([found[key] for key in sorted(found)]) == expected["spark"]["service"]["vectors"]


@pytest.mark.spark
def test_spark_finds_all_in_the_table_of_the_offline_model_or_refuses(to_spark, files, expected, same_local):
    before = sorted((files / "spark/local").glob("*.parquet"))

    def embed():
        return mm.spark.embed(to_spark(boats()), model="local", table=files / "spark/local").collect()

    if same_local:
        assert sorted({bytes(row["key"]).hex() for row in embed()}) == expected["spark"]["local"]["keys"]
    else:
        with pytest.raises(SpaceError, match="name another folder"):
            embed()
    assert sorted((files / "spark/local").glob("*.parquet")) == before
