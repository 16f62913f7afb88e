"""A model in a package of its own: texts by how often they hold each letter. See ``docs/models.md``."""

import mmtoolkit as mm

LETTERS = "abcdefghijklmnopqrstuvwxyz"


class TinyModel(mm.Provider):
    """Computes on this machine; knows letters only."""

    spec = mm.ModelSpec(
        name="tiny-letters",
        provider="mmtoolkit-tiny-model",
        dimension=len(LETTERS) + 1,
        revision="1",
        modalities=frozenset({"text"}),
        contents_per_call=64,
    )
    leaves_machine = False
    destination = "this machine"

    def embed_batch(self, contents, *, dimension, params):
        return [[1.0, *(content.text.lower().count(letter) for letter in LETTERS)] for content in contents]
