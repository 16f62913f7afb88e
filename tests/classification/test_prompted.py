import json

import pytest

import mmtoolkit as mm


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
