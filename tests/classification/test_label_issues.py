import numpy as np
import pandas as pd

import mmtoolkit as mm
from mmtoolkit.classification.label_issues import confident_learning


def test_confident_learning_on_a_worked_example():
    proba = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]])
    codes = np.array([0, 0, 0, 1, 1])  # the third is labelled 0 and looks like 1

    suggested, likely = confident_learning(codes, proba)

    np.testing.assert_array_equal(likely, [False, False, True, False, False])
    assert suggested[2] == 1


def test_flipped_labels_come_first(data):
    X, y = data
    rng = np.random.default_rng(5)
    flipped = rng.choice(240, 24, replace=False)
    noisy = y.copy()
    noisy[flipped] = np.where(y[flipped] == "a", "b", "a")

    issues = mm.classify(X, noisy).label_issues()

    top = issues.head(15)
    assert np.isin(top["row"], flipped).mean() > 0.8
    right = top[np.isin(top["row"], flipped)]
    assert (right["suggested"] == y[right["row"]]).mean() > 0.8
    assert top["evidence"].str.contains("nearest items").all()
    assert issues["quality"].is_monotonic_increasing


def test_all_items_are_ranked_on_request(result):
    table = result.label_issues(all_items=True)

    assert sorted(table["row"]) == list(range(240))
    assert table["quality"].is_monotonic_increasing
    assert table["quality"].between(0, 1).all()


def test_items_are_named_by_text_or_file(data):
    X, y = data
    kinds = np.arange(240) % 3
    items = pd.DataFrame(
        {
            "modality": np.array(["text", "image", "image"])[kinds],
            "text": np.where(kinds == 0, "some words", None),
            "image": np.where(kinds == 1, "folder/picture.png", None),
            "label": y,
        }
    )

    issues = mm.classify(mm.Embeddings(X, items=items)).label_issues(all_items=True)

    assert issues["item"].tolist() == [["some words", "picture.png", ""][row % 3] for row in issues["row"]]
