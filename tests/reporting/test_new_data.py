"""A report on new data: whether it is like the old, what to expect on it, and which items to look at."""

import re

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm

NAMES = np.array(["<b>cat</b>", "狗"])


def made(seed, n, shift=0.0, tag="day"):
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    X = (0.3 * rng.normal(size=(n, 8)) + 3 * np.eye(2, 8)[y] + shift * np.eye(8)[5]).astype(np.float32)
    frame = pd.DataFrame({"text": [f"{tag} {i}" for i in range(n)], "label": NAMES[y], "part": tag})
    return mm.Embeddings(X, items=frame, ids=[f"{tag}-{i}" for i in range(n)])


@pytest.fixture(scope="module")
def result():
    return mm.classify(made(1, 160), normalize=False, inference=False)


def page_of(result, new):
    return mm.report(mm.check_new(result, new)).to_markdown()


def test_like_the_old_gets_a_number_and_a_list_to_label(result):
    page = page_of(result, made(2, 60))

    assert "## Does it still hold?" in page
    assert "The new items look like the old ones" in page
    assert "An accuracy of" in page
    assert "To label" in page
    assert "<b>cat" not in page


def test_other_items_get_an_alarm_no_number_and_their_names(result):
    page = page_of(result, made(3, 60, shift=8.0, tag="night"))

    assert "The new items differ from the old ones" in page
    assert "What accuracy to expect on them cannot be said" in page
    assert "Unfamiliar items" in page
    assert "night 0" in page
    assert "Columns that both have" in page


def test_arrays_have_ids_in_place_of_items(rng):
    X, y = rng.normal(size=(120, 8)) + 4 * np.repeat(np.eye(2, 8), 60, axis=0), np.repeat([0, 1], 60)
    result = mm.classify(X[::2], y[::2], normalize=False, inference=False)

    page = page_of(result, X[1::2])

    assert "The new items look like the old ones" in page
    assert "to know the accuracy on the new data" in page
    assert re.search(r"with the predicted class\. \d+ \([01]\), \d+", page.replace("\\", ""))


def test_new_items_that_were_scored_already_are_counted():
    old, fresh = made(1, 160), made(2, 60, tag="later")
    result = mm.classify(old, normalize=False, inference=False, duplicates="ignore")

    check = mm.check_new(result, mm.concat([old[:30], fresh]))

    assert check.n_known == 30
    assert "30 were trained or scored on" in repr(check)
    assert (
        "30 new items are duplicates of such that the classifier was trained or scored on"
        in mm.report(check).to_markdown()
    )
    assert mm.check_new(result, fresh).n_known == 0
    assert "scored on" not in repr(mm.check_new(result, fresh))
