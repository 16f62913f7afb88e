"""One report on stamps for all tests of this room."""

import pytest
from reporting.strangers import EVIL

import mmtoolkit as mm


@pytest.fixture(scope="session")
def results(stamps):
    names = [f"group {i} {EVIL}" for i in range(5)]
    return mm.classify(stamps, cv=3), mm.cluster(stamps, 5).named(names), mm.project(stamps, method="pca")


@pytest.fixture(scope="session")
def rep(results):
    return mm.report(*results, title=f"Stamps {EVIL}")


@pytest.fixture(scope="session")
def html(rep):
    return rep.to_html()
