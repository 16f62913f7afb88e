"""Embeddings: rows, ids and items stay together through slicing, joining, saving."""

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image as PILImage

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError, VerifyError


@pytest.fixture
def emb(stamps):
    return stamps[:20]


def test_ones_own_vectors_get_ids_and_items(rng):
    X = rng.standard_normal((3, 4))

    emb = mm.Embeddings(X, ids=["a", "b", "c"], items=pd.DataFrame({"label": [1, 2, 3], "extra": list("xyz")}))

    assert emb.ids.tolist() == ["a", "b", "c"]
    assert emb.vectors.dtype == np.float32
    assert emb.items["extra"].tolist() == ["x", "y", "z"]
    assert emb.modality.tolist() == ["vector"] * 3
    np.testing.assert_allclose(np.linalg.norm(emb.unit, axis=1), 1, atol=1e-6)
    assert np.asarray(emb).shape == emb.shape == (3, 4)


@pytest.mark.parametrize(
    ("X", "options", "message"),
    [
        (np.ones(3), {}, r"expected an array of shape \(n_items, n_features\), got shape \(3,\)"),
        (np.ones((2, 3)), {"ids": ["a"]}, "ids has 1 values for 2 vectors"),
        (np.ones((2, 3)), {"ids": ["a", "a"]}, "ids must be unique: 'a' stands in row 0 and in row 1"),
        (np.ones((2, 3)), {"items": pd.DataFrame({"label": [1]})}, "items has 1 rows for 2 vectors"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(X, options, message):
    with pytest.raises(ValueError, match=message):
        mm.Embeddings(X, **options)


@pytest.mark.parametrize("rows", [slice(2, 9, 3), np.array([5, 1, 2]), [3, -1], np.arange(20) % 2 == 0, 4, np.array(4)])
def test_slices_keep_rows_together(emb, rows):
    index = np.atleast_1d(np.arange(20)[rows])

    part = emb[rows]

    assert part.vectors.tobytes() == emb.vectors[index].tobytes()
    assert part.ids.tolist() == emb.ids[index].tolist() == part.items["id"].tolist()
    assert part.content_keys.tolist() == emb.content_keys[index].tolist()
    assert part.items.index.tolist() == list(range(len(index)))
    assert part.unit.tobytes() == emb.unit[index].tobytes()
    assert part.model == "local"


def test_slices_keep_the_table_of_failures():
    emb = mm.embed_texts(["a", " ", "b", ""], model="local", cache=False, on_error="nan")

    part = emb[[3, 0, 1]]

    assert part.failed[["row", "id"]].values.tolist() == [[2, "1"], [0, "3"]] or part.failed["row"].tolist() == [2, 0]
    assert part.ok.tolist() == [False, True, False]


def test_too_far_an_index_is_an_index_error(emb):
    with pytest.raises(IndexError):
        emb[99]
    with pytest.raises(IndexError):
        emb[np.ones(3, bool)]


def test_results_are_not_changed_in_place(emb):
    before = emb.fingerprint
    emb[:5].centered()
    emb.drop_failed()

    assert emb.fingerprint == before


def test_concat_puts_rows_under_one_another(stamps):
    whole = mm.concat([stamps[:5], stamps[5:9]])

    assert whole.vectors.tobytes() == stamps.vectors[:9].tobytes()
    assert whole.ids.tolist() == stamps.ids[:9].tolist()
    assert whole.content_keys.tolist() == stamps.content_keys[:9].tolist()
    assert whole.encode("a").shape == (1, 512)


def test_concat_refuses_what_does_not_belong_together(stamps, rng):
    with pytest.raises(
        SpaceError, match=r"the vectors to concatenate are of different spaces: model 'local' against ''"
    ):
        mm.concat([stamps, mm.Embeddings(rng.standard_normal((2, 512)), ids=["p", "q"])])
    with pytest.raises(SpaceError, match="different spaces"):
        mm.concat([stamps[:3], stamps[3:6].centered()])
    with pytest.raises(ValueError, match=r"ids must be unique: .* stands in more than one part"):
        mm.concat([stamps[:3], stamps[2:4]])
    with pytest.raises(ValueError, match="there is nothing to concatenate"):
        mm.concat([])


def test_saved_vectors_come_back_bit_for_bit(emb, tmp_path):
    path = tmp_path / "x.parquet"

    emb.save(path)
    back = mm.Embeddings.load(path)

    assert back.vectors.tobytes() == emb.vectors.tobytes()
    assert back.fingerprint == emb.fingerprint
    assert back.content_keys.tolist() == emb.content_keys.tolist()
    assert (back.model, back.revision, back.params) == (emb.model, emb.revision, emb.params)
    pd.testing.assert_frame_equal(back.items, emb.items.astype(object), check_dtype=False)
    assert back.encode("a frog").tobytes() == emb.encode("a frog").tobytes()
    assert not list(tmp_path.glob("*.part"))


def test_odd_values_survive_saving(tmp_path):
    X = np.array([[np.nan, 1], [-0.0, np.inf], [1e-42, 3e38]], dtype=np.float32)
    items = pd.DataFrame(
        {
            "text": ["鸟 🐦", None, "a\nb"],
            "label": pd.Series([1, None, 3], dtype=object),
            "mixed": pd.Series([1, "a", None], dtype=object),
        }
    )
    emb = mm.Embeddings(X, ids=["a", "b", "<c>"], items=items)

    emb.save(tmp_path / "x.parquet")
    back = mm.Embeddings.load(tmp_path / "x.parquet")

    assert back.vectors.tobytes() == X.tobytes()
    assert back.items["label"].tolist() == [1, None, 3]
    assert back.items["mixed"].tolist() == [1, "a", None]
    assert back.items["text"].tolist() == ["鸟 🐦", None, "a\nb"]


def test_files_of_others_are_refused(tmp_path, emb):
    (tmp_path / "text.parquet").write_text("no parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")

    with pytest.raises(VerifyError, match=r"text\.parquet' is not a readable Parquet file"):
        mm.Embeddings.load(tmp_path / "text.parquet")
    with pytest.raises(VerifyError, match=r"was not written by Embeddings\.save; for your own vectors use"):
        mm.Embeddings.load(tmp_path / "other.parquet")
    with pytest.raises(VerifyError, match="is not a readable Parquet file"):
        mm.Embeddings.load(tmp_path / "nowhere.parquet")


def test_a_file_of_a_newer_version_is_refused(tmp_path, emb):
    import pyarrow.parquet as pq

    emb.save(tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    (key,) = [k for k in table.schema.metadata if k.startswith(b"mmtoolkit")]
    manifest = json.loads(table.schema.metadata[key]) | {"version": 99}
    pq.write_table(table.replace_schema_metadata({key: json.dumps(manifest)}), tmp_path / "x.parquet")

    with pytest.raises(VerifyError, match="was written by a newer version of mmtoolkit"):
        mm.Embeddings.load(tmp_path / "x.parquet")


@pytest.mark.video
def test_centering_takes_each_modalitys_mean_away(stamps):
    texts = mm.embed_texts(["a", "b", "c"], model="local")
    texts = mm.Embeddings(texts.vectors, ids=["x", "y", "z"], items=texts.items.drop(columns="id"), model="local")
    both = mm.Embeddings(
        np.concatenate([stamps.vectors, texts.vectors]),
        items=pd.concat([stamps.items, texts.items], ignore_index=True),
        model="local",
    )

    centered = both.centered()

    for kind in ("text", "image"):
        np.testing.assert_allclose(centered.vectors[both.modality == kind].mean(axis=0), 0, atol=1e-6)
    assert centered.fingerprint != both.fingerprint
    np.testing.assert_allclose(centered.encode("a")[0], centered.vectors[-3], atol=1e-6)
    with pytest.raises(SpaceError, match="were centered by modality and have no mean for 'video'"):
        centered.encode([mm.Video(mm.load_dataset("clips")["video"][0])])
    with pytest.raises(ValueError, match="by must be 'modality', got 'label'"):
        both.centered(by="label")


def test_centering_survives_saving(stamps, tmp_path):
    centered = stamps[:30].centered()
    centered.save(tmp_path / "c.parquet")

    back = mm.Embeddings.load(tmp_path / "c.parquet")

    assert back.fingerprint == centered.fingerprint
    picture = mm.Image(stamps.items["image"][40])
    assert back.encode([picture]).tobytes() == centered.encode([picture]).tobytes()


def test_encode_uses_model_and_cache_of_the_vectors(emb, tmp_path):
    mine = mm.embed_texts(["a"], model="local", cache=tmp_path)

    first = mine.encode(["new text", mm.Image(emb.items["image"][0])])

    assert first.shape == (2, 512)
    assert mm.embed_texts(["new text"], model="local", cache=tmp_path).usage["cached"] == 1
    np.testing.assert_array_equal(first[1], emb.vectors[0])
    with pytest.raises(mm.MMToolkitError, match="blank"):
        mine.encode("")


def test_encode_needs_a_model(rng):
    with pytest.raises(SpaceError, match=r"came without a model, so nothing can be embedded .*Embeddings\(X, model="):
        mm.Embeddings(rng.standard_normal((2, 3))).encode("a")


def test_vectors_of_another_revision_cannot_be_joined_by_new_ones(emb, tmp_path):
    old = dataclasses.replace(
        emb._held, space=dataclasses.replace(emb.space, revision="0" * 64)
    )  # as an older version saved it
    mm.Embeddings._of(old).save(tmp_path / "x.parquet")
    back = mm.Embeddings.load(tmp_path / "x.parquet")

    with pytest.raises(SpaceError, match="are of different spaces: revision '000000000000' against"):
        back.encode("a")


def test_a_frame_with_vectors(emb):
    frame = emb.to_frame()

    assert frame["id"].tolist() == emb.ids.tolist()
    np.testing.assert_array_equal(np.stack(frame["vector"]), emb.vectors)


def test_pickles_carry_vectors_and_no_secret(emb, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-secret-1234567890")

    data = pickle.dumps(emb)

    assert b"sk-secret" not in data
    back = pickle.loads(data)
    assert back.fingerprint == emb.fingerprint
    assert back.encode("a").shape == (1, 512)


def test_html_is_bounded_and_escaped():
    emb = mm.embed_texts(["<script>alert(1)</script>"] + [f"text {i}" for i in range(200)], model="local")

    page = emb._repr_html_()

    assert "<script>" not in page
    assert len(page) < 20_000
    assert "more rows" in page


def test_rows_cannot_be_written_to(emb, rng):
    mine = rng.standard_normal((3, 2)).astype(np.float32)
    own = mm.Embeddings(mine)
    before, print_ = own.vectors.copy(), own.fingerprint

    mine[0] = 9  # the user's array stays the user's

    for one in (emb, own, emb[1:], emb.centered(), mm.concat([own, mm.Embeddings(mine, ids=["x", "y", "z"])])):
        for array in (one.vectors, one.unit, one.content_keys, one.ids):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = array[1]
    np.testing.assert_array_equal(own.vectors, before)
    assert mm.Embeddings(before).fingerprint == print_
    np.asarray(own.vectors.copy())[0] = 1
    np.array(own)[0, 0] = 1


def test_a_read_only_array_is_not_copied(rng):
    X = rng.standard_normal((3, 2)).astype(np.float32)
    X.flags.writeable = False

    assert np.shares_memory(mm.Embeddings(X).vectors, X)


@pytest.mark.parametrize("name", ["model", "revision", "params", "vectors", "content_keys", "space", "anything"])
def test_attributes_cannot_be_set(emb, name):
    with pytest.raises(AttributeError, match=f"immutable: '{name}' cannot be set"):
        setattr(emb, name, "x")


def test_columns_may_be_added_and_ids_stay(rng):
    emb = mm.Embeddings(rng.standard_normal((3, 2)), ids=["a", "b", "c"])

    emb.items["kind"] = [1, 2, 3]
    emb.items["id"] = "same"
    emb.params["x"] = 1
    emb.usage["x"] = 1

    assert emb[1:].items["kind"].tolist() == [2, 3]
    assert emb.ids.tolist() == ["a", "b", "c"]
    assert (emb.params, emb.usage) == ({}, {})


@pytest.fixture
def pictures(tmp_path, rng):
    """Three small pictures in a folder of their own."""
    folder = tmp_path / "home" / "pictures"
    folder.mkdir(parents=True)
    for name in "abc":
        PILImage.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(folder / f"{name}.png")
    return folder


def test_paths_are_saved_as_seen_from_the_file(pictures, tmp_path):
    import pyarrow.parquet as pq

    home = tmp_path / "home"
    emb = mm.embed(mm.read_folder(pictures), model="local", cache=False)
    emb.save(home / "x.parquet")
    table = pq.read_table(home / "x.parquet")

    moved = tmp_path / "moved"
    home.rename(moved)
    back = mm.Embeddings.load(moved / "x.parquet")

    assert table["image"].to_pylist() == ["pictures/a.png", "pictures/b.png", "pictures/c.png"]
    assert str(tmp_path) not in str(table.schema.metadata)
    assert back.items["image"].tolist() == [str(moved / "pictures" / f"{name}.png") for name in "abc"]
    assert back.items.attrs["root"] == str(moved / "pictures")
    assert mm.embed(back.items, model="local", cache=False).vectors.tobytes() == emb.vectors.tobytes()


def test_path_objects_can_be_saved(pictures, tmp_path, monkeypatch):
    monkeypatch.chdir(pictures)
    emb = mm.embed_images([pictures / "a.png", Path("b.png"), "c.png"], model="local", cache=False)
    emb.save(tmp_path / "x.parquet")

    monkeypatch.chdir(tmp_path)
    back = mm.Embeddings.load("x.parquet")

    assert back.items["image"].tolist() == [str(pictures / f"{name}.png") for name in "abc"]


def test_addresses_and_what_is_no_path_are_saved_as_they_are(tmp_path):
    cells = ["https://example.com/a.png", "data:image/png;base64,AAAA", None]
    items = mm.items(pd.DataFrame({"picture": [*cells[:2], "x.png"], "t": ["a", "b", "c"]}), image="picture", text="t")
    emb = mm.Embeddings(np.eye(3), items=items.assign(image=pd.Series(cells, dtype=object)))
    plain = mm.Embeddings(np.eye(2), items=pd.DataFrame({"id": ["a", "b"], "image": ["none", Path("x.png")]}))

    emb.save(tmp_path / "x.parquet")
    plain.save(tmp_path / "y.parquet")

    assert mm.Embeddings.load(tmp_path / "x.parquet").items["image"].tolist() == cells
    assert mm.Embeddings.load(tmp_path / "y.parquet").items["image"].tolist() == ["none", "x.png"]


@pytest.mark.parametrize("name", ["vector", "content_key"])
def test_a_column_named_like_the_files_own_is_refused_before_it_is_lost(tmp_path, rng, name):
    emb = mm.Embeddings(rng.standard_normal((2, 3)), items=pd.DataFrame({name: ["x", "y"]}))

    with pytest.raises(ValueError, match=f"a column '{name}', which is the file's own"):
        emb.save(tmp_path / "x.parquet")


def _edited(path, change):
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    head = json.loads(table.schema.metadata[b"mmtoolkit-embeddings"]) | {"version": 2}  # as before there were checksums
    table, head = change(table, head)
    raw = head if isinstance(head, str) else json.dumps(head)
    pq.write_table(table.replace_schema_metadata({"mmtoolkit-embeddings": raw}), path)


@pytest.mark.parametrize(
    "change",
    [
        lambda t, h: (t, "{"),
        lambda t, h: (t, "[]"),
        lambda t, h: (t, {k: v for k, v in h.items() if k != "version"}),
        lambda t, h: (t, {**h, "version": "x"}),
        lambda t, h: (t, {**h, "params": [1]}),
        lambda t, h: (t, {**h, "model": 5}),
        lambda t, h: (t, {**h, "dimension": 10**30}),
        lambda t, h: (t, {**h, "dimension": 2}),
        lambda t, h: (t, {**h, "centers": {"text": "x"}}),
        lambda t, h: (t.drop_columns(["vector"]), h),
        lambda t, h: (t.drop_columns(["content_key"]), h),
        lambda t, h: (
            t.set_column(t.schema.get_field_index("vector"), "vector", [[[1.0], [3.0, 4.0, 5.0, 6.0, 7.0]]]),
            h,
        ),
        lambda t, h: (t, {**h, "columns": {"tags": {"json": True}, "gone": {"json": True}}}),
        lambda t, h: (t, {**h, "columns": {"tags": {"dtype": "U999999999"}}}),
        lambda t, h: (t, {**h, "columns": {"tags": {"dtype": "int64", "json": True}}}),
        lambda t, h: (t, {**h, "columns": [1]}),
        lambda t, h: (t.set_column(t.schema.get_field_index("tags"), "tags", [["{", None]]), h),
        lambda t, h: (t.set_column(t.schema.get_field_index("tags"), "tags", [['{"estimator": 1}', None]]), h),
        lambda t, h: (
            t.set_column(t.schema.get_field_index("tags"), "tags", [['{"array": ["|O", [1], "AA=="]}', None]]),
            h,
        ),
        lambda t, h: (
            t.set_column(t.schema.get_field_index("tags"), "tags", [['{"array": ["<f8", [9], "AA=="]}', None]]),
            h,
        ),
        lambda t, h: (t.set_column(t.schema.get_field_index("tags"), "tags", [["[" * 100_000, None]]), h),
        lambda t, h: (t.set_column(t.schema.get_field_index("vector"), "vector", [[None, [1.0, 2.0, 3.0]]]), h),
    ],
)
def test_a_damaged_file_is_one_clear_error(tmp_path, rng, change):
    path = tmp_path / "x.parquet"
    mm.Embeddings(rng.standard_normal((2, 3)), items=pd.DataFrame({"tags": [["a"], None]})).save(path)
    _edited(path, change)

    with pytest.raises(VerifyError, match="is damaged: "):
        mm.Embeddings.load(path)


def test_pictures_are_found_after_a_move_that_came_by_a_link(tmp_path):
    from PIL import Image

    (tmp_path / "real" / "pics").mkdir(parents=True)
    Image.new("RGB", (32, 32), "red").save(tmp_path / "real" / "pics" / "0.png")
    (tmp_path / "via").symlink_to(tmp_path / "real")
    mm.embed(mm.read_folder(tmp_path / "via" / "pics"), model="local").save(tmp_path / "via" / "e.parquet")
    (tmp_path / "real").rename(tmp_path / "moved")

    back = mm.Embeddings.load(tmp_path / "moved" / "e.parquet")

    assert Path(back.items["image"][0]).is_file()


def test_parts_with_paths_of_different_folders_keep_them(tmp_path, monkeypatch):
    from PIL import Image

    (tmp_path / "pics").mkdir()
    Image.new("RGB", (32, 32), "red").save(tmp_path / "pics" / "0.png")
    monkeypatch.chdir(tmp_path)
    a, b = mm.embed(mm.read_folder("pics"), model="local"), mm.embed_images(["pics/0.png"], model="local")

    mm.concat([a, b]).save("x.parquet")

    assert all(Path(path).is_file() for path in mm.Embeddings.load("x.parquet").items["image"])


@pytest.mark.parametrize("parts", [[np.eye(2)], [mm.Embeddings(np.eye(2)), "x"]])
def test_concat_says_what_it_takes(parts):
    with pytest.raises(TypeError, match="expected Embeddings, got"):
        mm.concat(parts)


def test_ids_are_compared_as_texts(rng):
    with pytest.raises(ValueError, match="ids must be unique: '1' stands in row 0 and in row 1"):
        mm.Embeddings(rng.standard_normal((2, 3)), items=pd.DataFrame({"id": [1, "1"]}))


def test_whole_numbers_are_ids_without_a_point(rng):
    emb = mm.Embeddings(rng.standard_normal((3, 2)), ids=[1.0, 2.0, 2.5])

    assert emb.ids.tolist() == emb.items["id"].tolist() == ["1", "2", "2.5"]
    assert mm.search(emb, item=[2.0], k=1).id[0] in ("1", "2.5")


@pytest.mark.parametrize(
    "call",
    [
        lambda path: mm.Embeddings(np.eye(2)).save(path),
        mm.Embeddings.load,
        mm.load_classifier,
        mm.read_folder,
        mm.EmbeddingCache,
        lambda path: mm.report(mm.cluster(np.eye(3), 2)).save(path),
        lambda path: mm.explore(np.eye(3), journal=path),
        lambda path: mm.explore(np.eye(3)).save(path),
        mm.verify,
    ],
)
def test_what_is_no_path_is_refused_with_the_name_of_the_argument(call):
    for value in (5, b"x.parquet"):
        with pytest.raises(TypeError, match=r"(path|directory|folder|journal|report) must be (a|the) path"):
            call(value)
    for value in ("", "a\0b.json"):
        with pytest.raises(ValueError, match=r"must be the path of a file or folder, got ''|got 'a\\x00b\.json'"):
            call(value)


def test_the_home_folder_may_be_written_short(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    mm.Embeddings(np.eye(2)).save("~/two.parquet")

    assert (tmp_path / "two.parquet").is_file()
    assert mm.Embeddings.load("~/two.parquet").shape == (2, 2)


def test_what_numpy_can_read_is_an_array_wherever_one_is_taken():
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.eye(6, dtype=dtype or np.float32)

    assert mm.Embeddings(Tensor()).shape == (6, 6)
    assert mm.search(Tensor(), np.eye(6)[1], k=1).id.tolist() == ["1"]
    assert len(mm.explore(Tensor()).selected) == 0


@pytest.mark.filterwarnings("ignore:.*inplace")  # pandas will take it away
@pytest.mark.parametrize(
    "change",
    [
        lambda items: items.sort_values("label", inplace=True),
        lambda items: items.drop(index=0, inplace=True),
        lambda items: items.set_index("id", inplace=True),
    ],
)
def test_items_whose_rows_were_moved_in_place_are_not_taken_for_those_of_the_vectors(change):
    emb = mm.Embeddings(np.eye(3), items=pd.DataFrame({"label": ["c", "b", "a"]}))
    emb.items["length"] = [3, 1, 2]

    change(emb.items)

    with pytest.raises(ValueError, match="not those of the vectors any more"):
        mm.search(emb, np.eye(3)[0], k=1)
    with pytest.raises(ValueError, match="not those of the vectors any more"):
        emb.to_frame()


def test_a_name_that_promises_another_kind_of_table_is_refused(tmp_path):
    emb = mm.Embeddings(np.eye(3, dtype=np.float32))

    with pytest.raises(ValueError, match=r"end in .parquet, got 'x.csv'; emb.to_frame\(\)"):
        emb.save(tmp_path / "x.csv")

    assert list(tmp_path.iterdir()) == []
    emb.save(tmp_path / "x.vectors")
    assert len(mm.Embeddings.load(tmp_path / "x.vectors")) == 3
