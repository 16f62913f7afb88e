"""Fixtures for every test that needs the service."""

from __future__ import annotations

import dataclasses

import pytest

from emulator import Emulator, OpenAIEmulator


@pytest.fixture(scope="session")
def emulator_server():
    """One server for the session."""
    with Emulator() as server:
        yield server


@pytest.fixture
def emulator(emulator_server):
    """The emulated service, with nothing left of the test before."""
    emulator_server.reset()
    yield emulator_server
    assert not emulator_server.mistakes


@pytest.fixture
def service(emulator, monkeypatch):
    """The emulated service, found through the environment as a user's would be."""
    monkeypatch.setenv("DASHSCOPE_HTTP_BASE_URL", emulator.base_url)
    monkeypatch.setenv("DASHSCOPE_API_KEY", emulator.api_key)
    return emulator


@pytest.fixture
def quick(service, monkeypatch):
    """The service with an account whose rate nobody waits for: how fast requests go is not what the test is about."""
    import mmtoolkit as mm
    from mmtoolkit import models

    monkeypatch.setattr(models, "_TABLE", dict(models._TABLE))  # what is registered ends with the test
    for row in map(mm.get_model, mm.list_models()):
        if row.provider == "dashscope":
            mm.register_model(dataclasses.replace(row, rpm=60_000, tpm=None))
    return service


@pytest.fixture(scope="session")
def openai_server():
    """One server of OpenAI's dialect for the session."""
    with OpenAIEmulator() as server:
        yield server


@pytest.fixture
def openai(openai_server):
    """A server of OpenAI's dialect that asks for no key; ``openai.use("tei")`` makes it another one."""
    openai_server.reset()
    yield openai_server
    assert not openai_server.mistakes
