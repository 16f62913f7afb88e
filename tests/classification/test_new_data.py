"""Is new data like the old? The alarm, the expected score or why there is none, unfamiliar items, columns, what to label."""

import json

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit.errors import SpaceError

NAMES = np.array(["猫", "dog", "bird"])


def table(seed, n, mix=(1, 1, 1), shift=0.0, **columns):
    rng = np.random.default_rng(seed)
    y = rng.choice(3, n, p=np.array(mix) / sum(mix))
    X = rng.normal(size=(n, 16)) + 2 * np.eye(3, 16)[y] + shift * np.eye(16)[5]
    frame = pd.DataFrame(
        {"text": [f"item {i}" for i in range(n)], "label": NAMES[y], "光": rng.choice(["day", "night"], n)}
    )
    return mm.Embeddings(X.astype(np.float32), items=frame.assign(**columns), ids=[f"{seed}-{i}" for i in range(n)])


@pytest.fixture(scope="module")
def result():
    return mm.classify(table(1, 300), "label", normalize=False, inference=False)


def right(result, new):
    return float((result.predict(new) == new.items["label"].to_numpy()).mean())


def test_new_data_like_the_old_gets_a_number_that_holds(result):
    new = table(2, 150)

    found = mm.check_new(result, new)

    value, low, high = found.expected.loc["accuracy"]
    assert not found.alarm
    assert found.reason == ""
    assert low <= right(result, new) <= high
    assert high - low < 0.2
    assert (found.n_old, found.n_new) == (300, 150)
    assert len(found.unfamiliar) < 8
    assert f"looks like the old data (p = {found.p_value:.3f}); expected accuracy {100 * value:.1f} %" in repr(found)


def test_another_mix_of_classes_is_said_and_counted(result):
    new = table(3, 150, mix=(10, 1, 1))

    found = mm.check_new(result, new)

    assert found.alarm
    assert found.reason == ""
    assert found.mix.loc["猫", "new"] == pytest.approx((new.items["label"] == "猫").mean(), abs=0.08)
    assert found.mix.sum().tolist() == pytest.approx([1, 1])
    assert found.expected.loc["accuracy", "low"] <= right(result, new) <= found.expected.loc["accuracy", "high"]


@pytest.mark.parametrize("new", [table(4, 150, shift=2.0), mm.Embeddings(table(5, 150).vectors[:, ::-1].copy())])
def test_other_items_and_new_classes_get_no_number(result, new):
    found = mm.check_new(result, new)

    assert found.alarm
    assert found.expected.isna().all(axis=None)
    assert "the new items are no mix of the old classes" in found.reason
    assert "cannot say what accuracy to expect" in repr(found)


def test_unfamiliar_items_are_named_with_the_nearest_old_one(result):
    new = table(6, 60)
    X = new.vectors.copy()
    X[7] = -5 * np.eye(16)[:3].sum(axis=0)

    found = mm.check_new(result, mm.Embeddings(X, items=new.items))

    assert found.unfamiliar.iloc[0]["row"] == 7
    assert found.unfamiliar.iloc[0]["nearest"] in set(result.ids)
    assert found.n_by_chance == pytest.approx(0.6)


def test_columns_that_changed_come_first(result):
    found = mm.check_new(result, table(7, 150, 光="night", text="x"))

    assert found.changed.loc[0, ["column", "value", "new"]].tolist() in (["光", "night", 1.0], ["光", "day", 0.0])
    assert found.changed.loc[0, "p_value"] <= 0.01


def test_what_to_label_is_a_random_sample_large_enough_for_five_points(result):
    new = table(8, 2000)

    sample = mm.check_new(result, new).to_label

    p = mm.check_new(result, new).expected.loc["accuracy", "value"]
    assert len(sample) == pytest.approx(p * (1 - p) * (1.96 / 0.05) ** 2 / (1 + p * (1 - p) * 1536.6 / 2000), abs=3)
    assert sample["row"].is_unique
    assert sample["row"].tolist() != sorted(sample["row"])
    assert len(mm.check_new(result, table(2, 30)).to_label) <= 30


def test_where_no_error_is_expected_items_are_labelled_all_the_same():
    X, y = 4 * np.repeat(np.eye(2, 8), 60, axis=0), np.repeat([0, 1], 60)
    X = X + np.random.default_rng(7).normal(size=X.shape)

    found = mm.check_new(mm.classify(X[::2], y[::2], normalize=False, inference=False), X[1::2])

    assert found.expected.loc["accuracy", "value"] == 1.0
    assert len(found.to_label) == 34


def test_the_sample_to_label_is_of_items_also_where_they_form_groups(result):
    new = table(8, 200)

    alone, grouped = mm.check_new(result, new), mm.check_new(result, new, groups=np.arange(200) // 5)

    assert len(alone.to_label) > 40  # one item of each group would not tell about the other four
    assert grouped.to_label["row"].tolist() == alone.to_label["row"].tolist()


def test_copies_and_groups_count_once(result):
    new, unlucky = table(9, 60), np.repeat([3, 8, 11], 40)
    copies = mm.Embeddings(new.vectors[unlucky], items=new.items.iloc[unlucky].assign(id=np.arange(120).astype(str)))

    found = mm.check_new(result, copies)
    grouped = mm.check_new(result, table(9, 120), groups=np.arange(120) // 40)

    assert found.n_new == grouped.n_new == 3
    assert not found.alarm
    assert found.reason.startswith("there are 3 independent new items, and fewer than 20")
    assert mm.check_new(result, table(1, 300)).p_value > 0.5  # the old items again


def test_one_item_is_too_few_to_say(result):
    found = mm.check_new(result, table(10, 1))

    assert found.reason.startswith("there is 1 independent new item, and fewer")
    assert 0 < found.p_value <= 1


def test_groups_of_the_classifier_are_looked_for_in_the_new_items():
    old = table(11, 120, album=[f"a{i // 4}" for i in range(120)])
    r = mm.classify(old, "label", groups="album", normalize=False, inference=False)

    found = mm.check_new(r, table(12, 60, album=[f"b{i // 3}" for i in range(60)]))

    assert found.n_new == 20
    assert found.recipe["params"]["groups"] == "album"
    assert mm.check_new(r, table(12, 60)).n_new == 60


@pytest.mark.parametrize("options", [{"test": np.arange(300) >= 200}, {"duplicates": "ignore"}, {"normalize": True}])
def test_any_classification_can_be_asked(options):
    r = mm.classify(table(1, 300), "label", inference=False, **{"normalize": False, **options})

    found = mm.check_new(r, table(2, 60))

    assert found.n_old == int((r.fold >= 0).sum())


def test_many_classes_leave_nothing_to_compare_with():
    y = np.arange(200) % 20
    X = np.random.default_rng(0).normal(size=(200, 8)) + 6 * np.random.default_rng(1).normal(size=(20, 8))[y]
    r = mm.classify(X, y, normalize=False, inference=False)

    assert (
        mm.check_new(r, X[:40] + 0.1).reason
        == "there are too many classes to tell whether the new items are a mix of them"
    )


def test_bad_input_is_refused_with_the_way_out(result, tmp_path):
    emb = mm.embed_texts(["a", "b"], model="local", progress=False)
    r = mm.classify(mm.Embeddings(table(1, 60).vectors, model="local:x"), table(1, 60).items["label"], inference=False)

    with pytest.raises(SpaceError):
        mm.check_new(r, emb)
    with pytest.raises(TypeError, match=r"new must be Embeddings or an array .* got DataFrame; embed the items first"):
        mm.check_new(result, table(1, 5).items)
    result.save(tmp_path / "c")
    saved = mm.load_classifier(tmp_path / "c")
    with pytest.raises(TypeError, match=r"takes the result of mm\.classify, got SavedClassifier"):
        mm.check_new(saved, table(2, 60))
    with pytest.raises(ValueError, match=r"the column 'text' has 3\d\d values, and shares are compared of at most 20"):
        mm.check_new(result, table(2, 60), columns="text")
    with pytest.raises(ValueError, match="columns"):
        mm.check_new(result, table(2, 60), columns=["moon"])
    with pytest.raises(ValueError, match="1 of 60 rows hold NaN"):
        mm.check_new(result, np.where(np.arange(60)[:, None] == 3, np.nan, table(2, 60).vectors))


def test_a_report_tells_the_story_and_verifies(result, tmp_path):
    new = table(3, 150, shift=2.0, text=["<b>שלום</b>"] * 150)

    rep = mm.report(result, mm.check_new(result, new))
    path = rep.save(tmp_path / "report.json")
    page = rep.to_html()

    assert mm.verify(path, vectors={"emb": result.source, "emb_2": new}).verdict == "identical"
    assert "cannot be said: the new items are no mix of the old classes" in page
    assert "a change of meaning" in page
    assert "<b>שלום</b>" not in page
    assert "mm.check_new(" in page
    assert json.loads(path.read_text("utf-8"))["results"]["check_new"]["exact"]["alarm"] is True
    other = mm.verify(path, vectors={"emb": result.source, "emb_2": mm.Embeddings(-new.vectors, ids=new.ids)})
    assert not other.ok
    assert json.dumps(mm.check_new(result, new).to_dict())


def test_items_that_the_classifier_was_trained_on_are_known_too(rng):
    y = np.arange(120) % 2
    X = rng.normal(size=(120, 6)) + np.eye(2, 6)[y]
    r = mm.classify(X, y, test=np.arange(120) < 50, normalize=False, inference=False)

    assert mm.check_new(r, X[50:]).n_known == 70  # trained on
    assert mm.check_new(r, X[:50]).n_known == 50  # scored
    assert mm.check_new(r, rng.normal(size=(30, 6))).n_known == 0
