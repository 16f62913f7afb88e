"""A client of the emulated service whose clock runs fast."""

from __future__ import annotations

import time
from functools import partial

import pytest

import mmtoolkit as mm

SCALE = 50.0


def fast_clock() -> float:
    return time.monotonic() * SCALE


def fast_sleep(seconds: float) -> None:
    time.sleep(seconds / SCALE)


@pytest.fixture
def client(service):
    """Make a provider; limiter and retries run fifty times faster than real time."""
    return partial(mm.DashScope, clock=fast_clock, sleep=fast_sleep)


@pytest.fixture
def row():
    """Change a row of the models table for one test."""
    import dataclasses

    kept = []

    def change(name, **facts):
        kept.append(mm.get_model(name))
        return mm.register_model(dataclasses.replace(kept[-1], **facts))

    yield change
    for spec in reversed(kept):
        mm.register_model(spec)
