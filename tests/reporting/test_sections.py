"""What a report says is true of every result that can make it say so."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

import mmtoolkit as mm
from mmtoolkit.classification import LogisticClassifier
from mmtoolkit.classification.label_issues import expected_of_clean
from mmtoolkit.reporting.blocks import Gallery, Note, Remarks


@pytest.fixture(scope="module")
def twins():
    """Noise of two classes in which every item stands twice, a little apart, with one class."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.normal(size=(30, 8)), 2, axis=0)
    return X + rng.normal(scale=1e-3, size=X.shape), np.repeat(np.arange(30) % 2, 2)


def said(*results):
    """Words and captions of a report."""
    blocks = [block for section in mm.report(*results).sections for block in section.blocks]
    return " ".join(getattr(block, name, "") for block in blocks for name in ("text", "caption"))


def test_duplicates_that_were_not_looked_for_are_not_said_to_be_absent(twins):
    page = said(mm.classify(*twins, duplicates="ignore", cv=3))

    assert "Duplicates were not looked for (duplicates=" in page
    assert "nor any duplicate" not in page
    assert "none were found" not in page


def test_duplicates_that_were_looked_for_and_not_found_are_said_to_be_absent(rng):
    page = said(mm.classify(rng.normal(size=(40, 8)), np.arange(40) % 2))

    assert "Duplicates were looked for among the items with a class; none were found." in page
    assert "nor any duplicate of them that was found" in page


def test_results_of_compare_name_their_groups_and_claim_nothing_of_duplicates(twins):
    X, y = twins
    c = mm.compare({"one": X, "two": X[:, :6]}, y, cv=3)

    page = said(c.results["one"])

    assert "Duplicates were not looked for beyond the groups" in page
    assert "Items of one group (groups=) were kept on one side of every split." in page


def test_groups_are_named_by_their_column(rng):
    items = mm.items({"text": [f"text {i}" for i in range(40)], "label": list("ab") * 20, "page": np.arange(40) // 4})
    emb = mm.Embeddings(rng.normal(size=(40, 8)), items=items)

    assert "Items of one group (“page”) were kept on one side" in said(mm.classify(emb, groups="page"))
    assert "Items of one group" not in said(mm.classify(emb))


@pytest.mark.parametrize(
    ("estimator", "words"),
    [
        (None, "settings (C, temperature) were chosen inside the training folds"),
        (GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3), "settings (C) were chosen inside"),
        (LogisticRegression(C=3.0), None),
        (LogisticClassifier(Cs=(3.0,), calibrate=False), None),
    ],
    ids=["ours", "search", "fixed", "ours, fixed"],
)
def test_settings_were_chosen_inside_the_folds_only_where_they_were(rng, estimator, words):
    page = said(mm.classify(rng.normal(size=(60, 4)), np.arange(60) % 2, estimator=estimator, cv=3))

    assert ("were chosen inside" in page) == (words is not None)
    assert words is None or words in page


def test_settings_of_a_fixed_split_were_chosen_in_its_training_rows(rng):
    page = said(mm.classify(rng.normal(size=(60, 4)), np.arange(60) % 2, test=np.arange(60) >= 40))

    assert "were chosen inside the training rows" in page


def test_neighbours_stand_beside_the_majority_in_the_summary(stamps):
    r = mm.classify(stamps, cv=3)

    summary = mm.report(r).sections[0]

    votes = f"{100 * r.baselines.loc['accuracy', 'neighbours']:.1f} %"
    assert f"; neighbours {votes}" in summary.blocks[0].entries[0].detail
    assert f"a vote of the five nearest items gets {votes}." in summary.blocks[1].text


def test_calibration_error_has_no_baseline(rng):
    r = mm.classify(rng.normal(size=(60, 4)), np.arange(60) % 3, cv=3)

    assert np.isnan(r.baselines.loc["ece", "majority"])
    assert np.isnan(r.metrics.loc["ece", "baseline"])
    assert r.metrics["baseline"].drop("ece").notna().all()


def test_a_map_is_told_beside_the_simplest_one(rng):
    X = np.concatenate([rng.normal(size=(40, 8)) + shift for shift in (0, 4, 9)])
    p, plain = mm.project(X, method="tsne"), mm.project(X, method="pca")

    assert f"a PCA of the same vectors has {plain.trustworthiness:.3f}." in said(p)
    assert "a PCA of the same vectors" not in said(plain)


@pytest.mark.parametrize(("apart", "least", "most"), [(6.0, 0, 2), (1.5, 20, 60)], ids=["easy", "hard"])
def test_issues_of_a_clean_set_are_about_as_many_as_its_difficulty_explains(rng, apart, least, most):
    y = np.arange(300) % 2
    X = rng.normal(size=(300, 4)) + np.outer(y, [apart, 0, 0, 0])
    emb = mm.Embeddings(X, items=mm.items({"text": [f"t{i}" for i in range(300)], "label": y.astype(str)}))
    r = mm.classify(emb, duplicates="ignore", normalize=False)

    expected, found = expected_of_clean(r), len(r.label_issues())

    assert least <= expected <= most
    assert abs(found - expected) <= 3 * np.sqrt(expected) + 2
    if found:
        assert f"would give about {expected:,.0f}: as many as that may only lie between two classes" in said(r)


def _named(names, labels=("a",) * 8, **columns):
    """Two clusters of four items, with a table of names of this kind."""
    items = mm.items({"text": [f"text {i}" for i in range(8)], "label": list(labels)})
    c = mm.cluster(mm.Embeddings(np.repeat(np.eye(2, 4), 4, axis=0) + np.arange(8)[:, None] * 0.01, items=items), 2)
    return dataclasses.replace(c, names=c.names.assign(name=names, **columns), sizes=c.sizes.assign(name=names))


def _first(result):
    return next(b.text for s in mm.report(result).sections for b in s.blocks if hasattr(b, "text"))


def test_the_summary_states_names_that_hold_for_most_items():
    two = {"named_by": "texts", "words": "cat, dog, bird"}

    assert "2 clusters: “cat”, “dog”." in _first(_named(["cat", "dog"], support=[0.6, 0.9], **two))
    assert "2 clusters, among them “dog”." in _first(_named(["cat", "dog"], support=[0.4, 0.9], **two))
    assert "2 clusters." in _first(_named(["cat", "?"], support=[0.4, np.nan], **two))
    assert "2 clusters: “my own”, “names”." in _first(_named(["my own", "names"]))


def test_the_summary_states_no_guess_where_items_have_labels():
    guesses = {"named_by": "vocabulary", "words": "guitar, violin", "support": 0.9}

    assert "2 clusters: “guitar”, “hook”." in _first(_named(["guitar", "hook"], **guesses))
    assert "guitar" not in _first(_named(["guitar", "hook"], **guesses, majority="birds", majority_share=0.8))


def test_groups_say_where_a_name_is_from_and_which_label_came_with_the_items():
    c = _named(["cat", "?"], named_by=["texts", None], words=["cat, pet", "dog, bird"], support=[0.75, np.nan])
    c = dataclasses.replace(c, names=c.names.assign(majority="pets", majority_share=[1.0, 0.5]))
    groups = next(
        b.entries for s in mm.report(c).sections for b in s.blocks if hasattr(b, "entries") and s.name == "cluster"
    )

    assert groups[0].name == "cat"
    assert groups[0].detail.endswith("; named by its texts (75.0 %); labelled “pets”: 100.0 %")
    assert groups[1].name == "? (cluster 1)"
    assert groups[1].detail.endswith("; no name stands out; nearest: dog, bird; labelled “pets”: 50.0 %")


def test_a_report_of_two_sets_says_of_each_sentence_which_set_it_is_of(rng):
    X = rng.standard_normal((60, 8))
    texts = mm.Embeddings(X, items=mm.load_dataset("glosses").iloc[:60])
    rep = mm.report(mm.cluster(texts, 3), mm.cluster(-X, 4), mm.compare({"one": texts, "two": -X}, y=list("ab") * 30))

    summary = rep.sections[0]
    sentences = [block.text for block in summary.blocks if hasattr(block, "text")]
    assert sentences[0].startswith("glosses: The items fall into 3 clusters")
    assert sentences[1].startswith("emb_2: The items fall into 4 clusters")
    assert not sentences[2].startswith(("glosses", "emb"))  # it sets one against the other
    assert [key.name for key in summary.blocks[0].entries][:2] == ["clusters, glosses", "clusters, emb_2"]
    assert [section.title for section in rep.sections][1:4] == [
        "The data: glosses",
        "Clusters: glosses",
        "Clusters: emb_2",
    ]


def test_two_samples_of_one_set_are_told_apart_and_a_single_set_is_not_named(rng):
    frame, X = mm.load_dataset("glosses"), rng.standard_normal((60, 8))
    halves = [mm.Embeddings(X[at : at + 30], items=frame.iloc[at : at + 30]) for at in (0, 30)]

    both = mm.report(*(mm.cluster(half, 2) for half in halves))
    alone = mm.report(mm.cluster(halves[0], 2), mm.project(halves[0], method="pca"))

    assert [section.title for section in both.sections][3:5] == ["Clusters: glosses (emb)", "Clusters: glosses (emb_2)"]
    assert alone.sections[2].title == "Clusters"


def test_what_is_no_better_than_the_baseline_is_not_told_apart(tmp_path, rng):
    X, y = rng.normal(size=(150, 20)), np.repeat(["a", "b", "b"], 50)
    c = mm.compare({"all": X, "half": X[:, :10]}, y, margin=0.05, duplicates="ignore")

    same = mm.classify(np.ones((150, 3)), y, duplicates="ignore")
    said = mm.report(c.results["all"], c, same).save(tmp_path / "r.md").read_text("utf-8")

    assert "A classifier of 2 classes has an accuracy of" in said
    assert "No evidence that the vectors tell the classes apart" in said
    assert "no better than always guessing" in said
    assert ".." not in said.replace("...", "")


def test_parts_of_one_set_keep_their_notes_apart_and_are_counted_together(rng):
    frame, X = mm.load_dataset("glosses"), rng.standard_normal((60, 8))
    halves = [mm.Embeddings(X[at : at + 30], items=frame.iloc[at : at + 30]) for at in (0, 30)]

    both = mm.report(*(mm.classify(half, list("ab") * 15, inference=False) for half in halves)).sections[0].blocks

    remarks = [block for block in both if isinstance(block, Remarks)]
    assert [block.heading for block in remarks] == ["Keep in mind: glosses (emb)", "Keep in mind: glosses (emb_2)"]
    assert not any(line.startswith("glosses") for block in remarks for line in block.lines)
    notes = [block.text for block in both if isinstance(block, Note)]
    assert len(notes) == len(set(notes))
    assert notes[-1].startswith(f"{len(frame) - 60:,} of the items that were read are not in this report")


def test_hits_are_shown_as_pictures_and_no_report_says_where_they_lie_on_this_machine(stamps):
    folder = str(Path(stamps.items["image"][0]).parent)
    rep = mm.report(
        mm.search(stamps, stamps.vectors[3], k=4),
        mm.pick(stamps, 3),
        mm.near_duplicates(stamps),
        mm.audit(stamps, y="label"),
        mm.similarity(stamps, by="label"),
    )

    galleries = [len(b.frame) for section in rep.sections for b in section.blocks if isinstance(b, Gallery)]

    assert galleries == [4, 3]
    assert stamps.ids[3] in rep.to_markdown().replace("\\", "")
    for page in (rep.to_html(), rep.to_markdown().replace("\\", "")):
        assert folder not in page


def test_a_comparison_names_the_score_that_it_compares(rng):
    X, y = rng.normal(size=(80, 8)), np.arange(80) % 2

    page = mm.report(mm.compare({"one": X, "two": X[:, :6]}, y, cv=3, metric="f1_macro")).to_markdown()

    assert "| name | macro F1 | low | high |" in page


def test_no_heading_of_a_figure_ends_in_two_marks(rng):
    page = mm.report(mm.classify(rng.normal(size=(60, 8)), np.arange(60) % 2, inference=False)).to_markdown()

    assert "?**" in page
    assert "?." not in page


def test_headings_and_scores_of_sections_without_a_room_are_words():
    y = np.array(["bird", "car", "tree"] * 10)
    emb = mm.embed_texts([f"a {name} of number {i}" for i, name in enumerate(y)], model="local", cache=False)
    zero = mm.zero_shot(emb, ["bird", "car", "tree"], y=y)
    protocol = mm.protocols.mteb_classification(emb, y, cross_validation=True)
    clusters = mm.protocols.mteb_clustering(emb, y, n_experiments=2)

    page = mm.report(zero, protocol, clusters).to_markdown()
    chinese = mm.report(protocol, language="zh").to_markdown()

    for words in (
        "## Zero\\-shot classification\n",
        "## MTEB classification protocol\n",
        "## MTEB clustering protocol\n",
    ):
        assert words in page
    for words in ("| macro F1 |", "| Matthews correlation |", "| weighted recall |", "| V\\-measure |"):
        assert words in page
    assert not any(raw in page.split("## How to repeat")[0] for raw in ("f1 macro", "f1\\_weighted", "| v\\_measure"))
    assert "## MTEB 分类协议\n" in chinese


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_of_results_without_a_page_of_their_own_say_what_their_numbers_mean(rng, language):
    y = np.arange(60) % 3
    X = rng.normal(size=(60, 8)) + 2 * np.eye(3, 8)[y]
    r, c = mm.classify(X, y, cv=3, inference=False), mm.cluster(X, 3)
    results = [
        mm.compare({"one": X, "two": X[:, :6]}, y, cv=3),
        r.learning_curve(sizes=[2]),
        mm.evaluate_search(X, X[:4], [["4"], ["5"], ["6"], ["7"]]),
        c.stability(n_boot=3),
        c.compare(y),
    ]

    page = mm.report(*results, language=language).to_markdown().replace("\\", "")

    said = {
        "en": (
            "four of five cases",
            "at most so many labels",
            "1 / rank",
            "structureless data",
            "largest cluster holds",
        ),
        "zh": ("五次中有四次", "至多取若干标签", "排名倒数", "无结构数据", "最大的簇"),
    }
    for sentence in said[language]:
        assert sentence in page
