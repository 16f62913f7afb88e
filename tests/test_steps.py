"""Steps and verbs: every call is recorded, written into a report, printed as Python, and made again."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit import steps
from mmtoolkit.results import Result
from mmtoolkit.steps import UNRECORDED, Step, find_verb, resolved, verb, verbs

PACKAGE = Path(mm.__file__).parent
CALLS = {
    "audit": lambda e: mm.audit(e, "label"),
    "check_new": lambda e: mm.check_new(mm.classify(e, "label", cv=2), mm.Embeddings(e.vectors[::2] + 0.01)),
    "classify": lambda e: mm.classify(e, "label", cv=2, class_weight={"a": 1.0, "b": 2.0}),
    "classify.learning_curve": lambda e: mm.classify(e, "label", cv=2).learning_curve(sizes=[2, 4]),
    "classify.slices": lambda e: mm.classify(e, "label", cv=2).slices(derived={"half": np.arange(40) % 2}),
    "classify.thresholds": lambda e: mm.classify(e, "label", cv=2).thresholds(max_risk=0.2),
    "cluster": lambda e: mm.cluster(e, range(2, 5), random_state=3),
    "cluster.compare": lambda e: mm.cluster(e, 2).compare("label"),
    "cluster.merge": lambda e: mm.cluster(e, 4).split(1).merge([0, 2]),
    "cluster.parent": lambda e: mm.cluster(e, 4).parent(2),
    "cluster.representatives": lambda e: mm.cluster(e, 2).representatives(2, how="far"),
    "cluster.split": lambda e: mm.cluster(e, 2).split(0, 3, names=["p", "q", "r", "s"]),
    "cluster.stability": lambda e: mm.cluster(e, 2).stability(3),
    "compare": lambda e: mm.compare(
        {"whole": e, "half": mm.Embeddings(e.vectors[:, :8], items=e.items)}, "label", cv=2
    ),
    "evaluate_search": lambda e: mm.evaluate_search(e, e.vectors[:3], [["0"], ["1", "2"], ["5"]]),
    "near_duplicates": lambda e: mm.near_duplicates(e, {"vector": 0.9}),
    "pick": lambda e: mm.pick(e, 3, "diverse", exclude=np.arange(len(e)) < 5),
    "project": lambda e: mm.project(e, method="pca"),
    "protocols.mteb_classification": lambda e: mm.protocols.mteb_classification(e, "label", cross_validation=True),
    "protocols.mteb_clustering": lambda e: mm.protocols.mteb_clustering(e, "label", n_experiments=2),
    "search": lambda e: mm.search(e, e.vectors[0], k=3, mask=np.arange(len(e)) > 2),
    "similarity": lambda e: mm.similarity(e, mm.Embeddings(e.vectors[:4] + 1, ids=list("wxyz"))),
    "zero_shot": lambda e: mm.zero_shot(e, {"a": ["one", "two"], "b": "three"}, "label"),
}


@pytest.fixture(scope="module")
def emb():
    """Forty items of two classes, with a model that also takes texts."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 16)) + 2 * np.repeat(np.eye(2, 16), 20, axis=0)
    items = pd.DataFrame({"label": np.repeat(["a", "b"], 20)})
    return mm.Embeddings(X, items=items, model=_words(rng.standard_normal((200, 16))))


def _words(table):
    def vectors(texts):
        return table[[sum(map(ord, text)) % len(table) for text in texts]]

    return mm.FunctionProvider(vectors, name="words", revision="1", dimension=16, leaves_machine=False)


@pytest.fixture(autouse=True)
def _registered(emb, monkeypatch):
    """Let the model be found by its name while a report is verified."""
    from mmtoolkit import models

    monkeypatch.setattr(models, "_TABLE", dict(models._TABLE))
    provider = emb._held.encoder.provider
    mm.register_model(provider.spec, provider=provider)


def test_the_walk_below_leaves_no_verb_out():
    for name in CALLS:
        find_verb(name)

    ours = {name for name, row in verbs().items() if row.call.startswith("mm.") and not row.needs}

    assert ours == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_every_verb_is_recorded_reported_and_made_again(name, emb, tmp_path):
    result = CALLS[name](emb)
    data = mm.report(result).save(tmp_path / "report.json")
    named = list(result.source) if isinstance(result.source, dict) else []
    given = {"emb": emb} if not named else dict(zip(("emb", "emb_2"), result.source.values(), strict=True))

    found = mm.verify(data, vectors=given)

    assert result.recipe.verb == name
    assert found.verdict == "identical", found
    assert len(found.checked) == 1 + (name == "classify")  # whose slices stand beside it


@pytest.mark.parametrize("name", CALLS)
def test_every_verb_prints_as_python_that_gives_the_same(name, emb):
    result = CALLS[name](emb)
    rep = mm.report(result)
    script = next(b.text for s in rep.sections if s.name == "repeat" for b in s.blocks if hasattr(b, "language"))
    tree = ast.parse(script)
    made = [node for node in tree.body if isinstance(node, ast.Assign) and "mm.embed" not in ast.unparse(node)]
    calls = [node for node in made if "items" not in ast.unparse(node.targets[0]) and "..." not in ast.unparse(node)]
    sources = list(result.source.values()) if isinstance(result.source, dict) else [result.source]
    scope = {"mm": mm, **dict(zip(("emb", "emb_2"), sources, strict=False))}

    step = next(node for node in calls if not ast.unparse(node).startswith(("emb", "rep ")))
    exec(ast.unparse(step), scope)

    again = scope[step.targets[0].id]
    assert json.dumps(mm.report(again).data["results"]) == json.dumps(rep.data["results"])


def test_nobody_writes_a_step_by_hand():
    by_hand = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Dict)
        and {"verb", "params"} <= {key.value for key in node.keys if isinstance(key, ast.Constant)}
        and path.name
        not in ("steps.py", "frames.py", "folders.py", "origin.py")  # the step itself; how an items frame was made
    ]

    assert not by_hand


@dataclass(frozen=True, eq=False, repr=False)
class Far(Result):
    """What a verb of somebody else's package returns."""

    ids: tuple[str, ...]
    recipe: Step = UNRECORDED
    source: Any = field(default=None, repr=False)

    def _summary(self) -> str:
        return f"{len(self.ids)} far items"

    def evidence(self) -> dict[str, Any]:
        return {"exact": {"ids": list(self.ids)}}


@pytest.fixture
def table(monkeypatch):
    """The table of verbs, as it was, after the test."""
    monkeypatch.setattr(steps, "_VERBS", dict(steps._VERBS))
    return steps._VERBS


@pytest.fixture
def far(table):
    """A verb of somebody else's package."""

    @verb("acme.far", columns=("by",))
    def far(embeddings, n=2, *, by=None, scale=1.0, random_state=0):
        resolved(scale=float(scale))
        values = embeddings.items[by].to_numpy() if isinstance(by, str) else np.zeros(len(embeddings))
        rows = np.argsort(-np.linalg.norm(embeddings.vectors, axis=1) - scale * (values == "b"), kind="stable")[:n]
        return Far(tuple(embeddings.ids[rows].tolist()))

    return far


def test_a_verb_of_another_package_takes_part(far, emb, tmp_path):
    result = far(emb, by="label", scale=np.float32(2))
    rep = mm.report(result, mm.cluster(emb, 2))
    path = rep.save(tmp_path / "report.json")

    assert dict(result.recipe) == {
        "verb": "acme.far",
        "params": {"n": 2, "by": "label", "scale": 2.0, "random_state": 0},
    }
    assert rep.data["items"]["emb"]["columns"] == {"label": ["a"] * 20 + ["b"] * 20}
    assert "acme_far = acme.far(emb" in "".join(
        b.text for s in rep.sections for b in s.blocks if hasattr(b, "language")
    )
    assert mm.verify(path, vectors=emb).verdict == "identical"


def test_a_report_whose_verb_is_not_installed_is_verified_without_it(far, table, emb, tmp_path):
    path = mm.report(far(emb), mm.cluster(emb, 2)).save(tmp_path / "report.json")
    del table["acme.far"]

    found = mm.verify(path, vectors=emb)

    assert not found.ok
    assert found.checked == ("cluster",)
    assert "the verb 'acme.far' is not installed here" in found.verdict


def test_a_name_is_given_once(far):
    with pytest.raises(ValueError, match=r"there is a verb 'acme.far' already.*give .*another_far another name"):

        @verb("acme.far")
        def another_far(embeddings):
            return None


def test_a_cell_may_define_its_verb_twice(table):
    for _ in range(2):

        @verb("acme.again")
        def again(embeddings):
            return Far(())

    assert again(np.eye(2)).recipe.verb == "acme.again"


@pytest.mark.parametrize("seed", [None, 1.5, -1, True])
def test_seeds_are_checked_once_for_all(far, emb, seed):
    with pytest.raises(ValueError, match=r"random_state must be an integer from 0 to 2\*\*32 - 1"):
        far(emb, random_state=seed)


def test_numpy_scalars_are_shown_as_what_they_are(emb):
    with pytest.raises(ValueError, match="got 'nope'"):
        mm.project(emb, method=np.str_("nope"))

    assert mm.cluster(emb, np.int64(2)).recipe.params["n_clusters"] == 2


def test_a_step_can_be_read_as_a_mapping(emb):
    c = mm.cluster(emb, 2)
    asked = c.stability(2)

    assert asked.recipe["of"] == c.recipe
    assert asked.recipe["params"] == {"n_boot": 2}
    assert list(c.recipe) == ["verb", "params"]
    with pytest.raises(AttributeError):
        c.recipe.verb = "other"


def test_what_is_recorded_inside_another_verb_stays_there(emb):
    inner = mm.compare({"a": emb, "b": emb}, "label", cv=2)

    assert "embeddings" not in inner.recipe.params
    assert inner.recipe.params["cv"] == 2
    assert inner.results["a"].recipe.verb == "classify"


def test_estimators_are_written_down_and_built_again(emb, tmp_path):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    result = mm.classify(emb, "label", cv=2, estimator=make_pipeline(StandardScaler(), SVC(C=2.0)))

    assert result.recipe.params["estimator"]["class"] == "sklearn.pipeline.Pipeline"
    assert mm.verify(mm.report(result).save(tmp_path / "r.json"), vectors=emb).verdict == "identical"


def test_a_result_that_gives_no_evidence_is_not_called_identical(table, emb, tmp_path):
    @dataclass(frozen=True, eq=False, repr=False)
    class Silent(Result):
        """A result without evidence."""

        value: float = 0.0
        recipe: Step = UNRECORDED
        source: Any = field(default=None, repr=False)

        def _summary(self) -> str:
            return str(self.value)

    @verb("acme.silent")
    def silent(embeddings):
        return Silent(float(np.random.default_rng().random()))

    found = mm.verify(mm.report(silent(emb)).save(tmp_path / "r.json"), vectors=emb)

    assert not found.ok
    assert "holds nothing that could be compared" in found.verdict


def test_names_of_what_is_compared_are_texts(emb, tmp_path):
    half = mm.Embeddings(emb.vectors[:, :8], items=emb.items)
    path = mm.report(mm.compare({1: emb, 2: half}, "label", cv=2)).save(tmp_path / "r.json")

    assert mm.verify(path, vectors={"emb": emb, "emb_2": half}).verdict == "identical"
    with pytest.raises(ValueError, match="the names of embeddings must differ as text, got 1, '1'"):
        mm.compare({1: emb, "1": half}, "label", cv=2)


def test_scripts_with_odd_values_can_be_read(emb):
    from sklearn.cluster import OPTICS

    result = mm.cluster(emb, algorithm=OPTICS(min_samples=5))
    script = next(
        b.text for s in mm.report(result).sections if s.name == "repeat" for b in s.blocks if hasattr(b, "language")
    )
    line = next(node for node in ast.parse(script).body if ast.unparse(node).startswith("c = "))
    scope = {"mm": mm, "emb": emb}

    exec(ast.unparse(line), scope)

    assert '"max_eps": {"float": "inf"}' in script
    np.testing.assert_array_equal(scope["c"].labels, result.labels)


def test_a_wrong_argument_names_the_verb(emb):
    with pytest.raises(TypeError, match=r"cluster\(\) got an unexpected keyword argument 'k'"):
        mm.cluster(emb, k=3)
    with pytest.raises(TypeError, match=r"pick\(\) missing a required argument: 'n'"):
        mm.pick(emb)


def test_the_script_of_a_pipeline_runs(emb):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    estimator = make_pipeline(SimpleImputer(), LogisticRegression(class_weight={"a": 1.0, "b": 2.0}))
    result = mm.classify(emb, "label", cv=2, estimator=estimator)
    script = next(
        b.text for s in mm.report(result).sections if s.name == "repeat" for b in s.blocks if hasattr(b, "language")
    )
    line = next(node for node in ast.parse(script).body if ast.unparse(node).startswith("r = "))
    scope = {"mm": mm, "emb": emb}

    exec(ast.unparse(line), scope)

    np.testing.assert_array_equal(scope["r"].y_proba, result.y_proba)


def test_a_title_cannot_turn_the_script_around(emb):
    script = "".join(
        b.text
        for s in mm.report(mm.cluster(emb, 2), title="a\u202eb").sections
        for b in s.blocks
        if hasattr(b, "language")
    )

    assert "\u202e" not in script
    assert "a\\u202eb" in script
