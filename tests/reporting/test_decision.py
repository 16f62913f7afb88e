"""A report on when to answer: a promise that is kept, one that cannot be, and what answers and silence cost."""

import numpy as np
import pytest

import mmtoolkit as mm


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    y = np.array(["ham", "spam"])[np.arange(300) % 2]
    X = rng.normal(size=(300, 6)) + 1.5 * np.outer(np.arange(300) % 2, np.eye(6)[0])
    X[0, 0] = 20.0  # the surest answer is wrong
    return mm.classify(X.astype(np.float32), y, normalize=False, inference=False, duplicates="ignore")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_risk": 0.3}, "of the held-out items are answered"),
        ({"max_risk": 0.001}, "cannot be promised"),
        ({"costs": {("spam", "ham"): 5, None: 0.4}}, "At these costs it pays to answer from a confidence of"),
        ({"costs": {("spam", "ham"): 50, ("ham", "spam"): 50, None: 0.0}}, "no answer is worth its risk"),
    ],
)
def test_the_section_says_what_the_threshold_gives(result, options, said):
    page = mm.report(result.thresholds(**options)).to_markdown().replace("\\", "")

    assert "## When to answer" in page
    assert said in page


def test_no_confidence_of_the_table_is_higher_than_the_one_that_answers_so_many(result):
    X = result.source
    sure = mm.classify(8 * X, result.y_true, normalize=False, inference=False, duplicates="ignore")

    page = mm.report(sure).to_markdown().replace("\\", "")

    table = page[page.index("| from confidence |") :].splitlines()[2:12]
    written = [float(line.split("|")[1]) for line in table]
    assert written == pytest.approx(sure.answering["confidence"], abs=1e-4)
    assert (np.array(written) <= sure.answering["confidence"]).all()


def test_repeats_a_split_in_time_and_rows_without_a_class_are_told(rng):
    n = 80
    y = np.array(["a", "b"])[np.arange(n) % 2].astype(object)
    y[:3] = None
    days = [f"2026-{1 + i // 20:02}-{1 + i % 20:02}" for i in range(n)]
    items = mm.items({"text": [f"t {i}" for i in range(n)], "label": y.tolist(), "taken": days})
    emb = mm.Embeddings(rng.normal(size=(n, 6)), items=items)

    later = mm.report(mm.classify(emb, test_after="2026-03", inference=False)).to_markdown()
    often = mm.report(mm.classify(emb, repeats=2, cv=2, inference=False)).to_markdown()

    assert "a split in time" in later
    assert "repeated 2 times" in often
    assert "3 items without a class were predicted but not scored" in often
