import json

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.figures import caption_of


def test_zero_shot_beats_chance_and_replays(stamps):
    names = sorted(set(stamps.items["label"]))

    z = mm.zero_shot(stamps, names, y="label", templates="en")
    again = mm.zero_shot(stamps, **json.loads(json.dumps(dict(z.recipe["params"]))))

    assert z.metrics.loc["accuracy", "low"] > z.metrics.loc["accuracy", "baseline"]
    assert z.scores.shape == (len(stamps), 14)
    assert len(z.prompts["animals"]) == 4
    assert again.evidence() == z.evidence()
    assert len(z.figures) == 2


def test_prompts_without_y_give_classes_only(stamps):
    z = mm.zero_shot(stamps[:5], {"bird": ["a photo of a bird", "鸟"], "car": "a car"})

    assert z.metrics is None
    assert set(z.y_pred) <= {"bird", "car"}
    assert (z.margin >= 0).all()


@pytest.mark.parametrize(
    ("classes", "options", "error", "message"),
    [
        ({"bird": ["a bird"]}, {}, ValueError, "at least two classes, got 1"),
        ({"bird": [], "car": ["a car"]}, {}, ValueError, "class 'bird' has no prompt"),
        ({"bird": [" "], "car": ["a car"]}, {}, ValueError, "class 'bird' has no prompt"),
        (["a", "b"], {"templates": "fr"}, ValueError, "templates must be one of en, zh"),
        (["a", "b"], {"templates": ["a photo"]}, ValueError, "has no {}"),
        ("bird", {}, TypeError, "mapping of class to prompts"),
        (["animals", "car"], {"y": "label"}, ValueError, "which the model does not know"),
    ],
)
def test_bad_prompts_are_named(stamps, classes, options, error, message):
    with pytest.raises(error, match=message):
        mm.zero_shot(stamps, classes, **options)


def test_zero_shot_needs_a_model(data):
    with pytest.raises(TypeError, match="needs Embeddings with a model"):
        mm.zero_shot(data[0], ["a", "b"])


def test_prompts_are_recorded_as_they_were_embedded(stamps):
    z = mm.zero_shot(stamps[:8], {"bird": "bird", "car": ["car", "truck"]}, templates=["{}", "a photo of a {}"])

    assert z.recipe.verb == "zero_shot"
    assert z.recipe.params["classes"] == [
        ["bird", ["bird", "a photo of a bird"]],
        ["car", ["car", "a photo of a car", "truck", "a photo of a truck"]],
    ]
    assert z.recipe.params["templates"] is None
    assert mm.zero_shot(stamps[:8], **z.recipe.params).evidence() == z.evidence()
    assert mm.zero_shot(stamps[:8], **{k: z.recipe.params[k] for k in ("classes", "y", "templates")}).recipe.params[
        "normalize"
    ]


def test_raw_rows_give_dot_products(stamps):
    prompts = {"bird": ["a bird", "a parrot"], "car": ["a car"]}

    z = mm.zero_shot(stamps[:8], prompts, normalize=False)

    bird = stamps.encode(["a bird", "a parrot"]).mean(axis=0)
    np.testing.assert_allclose(z.scores["bird"], stamps.vectors[:8] @ bird, rtol=1e-5)
    assert z.recipe.params["normalize"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [({"templates": []}, "templates is empty"), ({"y": [None] * 8}, "y has no class for any item")],
)
def test_what_cannot_be_scored_is_named(stamps, options, message):
    with pytest.raises(ValueError, match=message):
        mm.zero_shot(stamps[:8], {"bird": "a bird", "car": "a car"}, **options)


def test_tables_and_figures_tell_where_items_go(stamps):
    z = mm.zero_shot(stamps, sorted(set(stamps.items["label"])), y="label")
    alone = mm.zero_shot(stamps[:5], {"bird": "a bird", "car": "a car"})

    assert "without any training" in repr(z)
    assert f"of {len(stamps)} items go to their own class" in caption_of(z.figure("confusion"))
    assert "Most items" in caption_of(z.figure("classes"))
    assert "matthews_corrcoef" in z._repr_html_()
    assert repr(alone) == "<ZeroShot: 5 items to 2 classes>"
    assert alone.figures == ("classes",)
    assert "bird" in alone._repr_html_()
