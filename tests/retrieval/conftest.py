import json

import pytest

from mmtoolkit._described import restored
from mmtoolkit.vectors import unit_rows


@pytest.fixture
def X(rng):
    """500 unit rows with exact copies among them."""
    X = unit_rows(rng.standard_normal((500, 24)))
    X[100:110] = X[7]
    return X


@pytest.fixture
def replayed():
    """A result's arguments as verify calls with them: through JSON and back."""
    return lambda result: {
        name: restored(value) for name, value in json.loads(json.dumps(dict(result.recipe.params))).items()
    }
