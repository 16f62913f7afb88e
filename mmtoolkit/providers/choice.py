"""Turn the argument ``model=`` into a provider; only this module knows the built-in providers."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType

from mmtoolkit.errors import MMToolkitError
from mmtoolkit.models import ModelSpec, get_model, maker_of
from mmtoolkit.providers.base import Provider
from mmtoolkit.providers.reranker import Remembered, Reranker, will_send
from mmtoolkit.words import aside, say

__all__ = ["choose", "choose_reranker", "make_provider", "readiness"]


def _local(spec: ModelSpec) -> Provider:  # noqa: ARG001 - it has one model
    from mmtoolkit.providers.local import LocalModel

    return LocalModel()


def _dashscope(spec: ModelSpec) -> Provider:
    from mmtoolkit.providers.dashscope import DashScope

    return DashScope(spec.name)


_BUILT_IN: Mapping[str, Callable[[ModelSpec], Provider]] = MappingProxyType({"local": _local, "dashscope": _dashscope})


def choose(model: str | Provider | None) -> tuple[Provider, str]:
    """Return the provider that a user means.

    Parameters
    ----------
    model : str, Provider or None
        None takes ``MMTOOLKIT_MODEL``, else ``multimodal-embedding-v1`` when an API key is found, else ``local``.

    Returns
    -------
    provider : Provider
        Ready to compute.
    reason : str
        Why it was chosen; "" when the user named it.

    Raises
    ------
    ValueError, MMToolkitError
        If no model has that name, or its package cannot be loaded.
    TypeError
        If it is something else.
    """
    reason = ""
    if model is None:
        model, reason = _default_model()
    if isinstance(model, str):
        return make_provider(model), reason
    given: object = model
    if isinstance(given, Reranker):
        msg = f"{given.name!r} scores items for a query and makes no vectors; pass it as rerank= of mm.search"
        raise TypeError(msg)
    if not isinstance(given, Provider) or not isinstance(given.spec, ModelSpec):
        msg = f"model takes a name of mm.list_models(), a provider (an object of a class derived from mm.Provider) or None, got {type(given).__name__}"
        raise TypeError(msg)
    return given, reason


def choose_reranker(rerank: str | Reranker, beside: Provider | None = None) -> Reranker:
    """Return the reranker that a user means.

    Parameters
    ----------
    rerank : str or Reranker
        A name of the DashScope service's rerank models, or an object.
    beside : Provider or None, default=None
        What made the vectors: a model that is named goes to the same address, if it is of the same service.

    Returns
    -------
    Reranker
        Ready to score. A name with a revision, as a recipe has it, stands for the cached scores of a reranker of your own.

    Raises
    ------
    ValueError
        If no rerank model has that name, its region lacks it, or an object's name or revision is none.
    TypeError
        If it is something else.
    """
    from mmtoolkit.providers.dashscope import DashScope, DashScopeRerank
    from mmtoolkit.providers.dashscope.rerank import RERANKERS

    if isinstance(rerank, str):
        if rerank not in RERANKERS and ("@" in rerank or not will_send()):
            return Remembered(rerank)
        if isinstance(beside, DashScope):
            shared = (
                "region",
                "base_url",
                "workspace",
                "trust_env",
                "allow_private",
                "rate_share",
                "clock",
                "sleep",
                "patience_s",
            )
            return DashScopeRerank(rerank, **{name: getattr(beside, name) for name in shared})
        return DashScopeRerank(rerank)
    given: object = rerank
    if not isinstance(given, Reranker):
        msg = f"rerank takes a name such as {next(iter(RERANKERS))!r}, an object of a class derived from mm.Reranker, or None, got {type(given).__name__}"
        raise TypeError(msg)
    for what, value in (("name", given.name), ("revision", given.revision)):
        if not isinstance(value, str) or (not value and not isinstance(given, DashScopeRerank)):
            msg = f"the {what} of a reranker must be a text of at least one letter, got {value!r}; scores are cached under it"
            raise ValueError(msg)
    return given


def make_provider(name: str) -> Provider:
    """Return the provider of a registered model.

    Parameters
    ----------
    name : str
        A name of `list_models`.

    Returns
    -------
    Provider
        Whose model it is.

    Raises
    ------
    TypeError
        If what was registered makes something else.
    MMToolkitError
        If it computes another model or revision than the row says.
    """
    spec, maker = get_model(name), maker_of(name)
    made: object = (maker or _BUILT_IN[spec.provider])(spec)
    if not isinstance(made, Provider):
        msg = f"what was registered for model {name!r} made a {type(made).__name__}, expected an object of a class derived from mm.Provider"
        raise TypeError(msg)
    told, found = (spec.name, spec.revision), (made.spec.name, made.spec.revision)
    if maker is not None and told != found:
        msg = (
            f"the row of model {name!r} says revision {spec.revision!r}, but what was registered for it computes {found[0]!r} "
            f"revision {found[1]!r}; register them together: mm.register_model(provider.spec, provider=provider)"
        )
        raise MMToolkitError(msg)
    return made


def readiness() -> list[tuple[str, str, str]]:
    """Return the settings: the default model, and what the built-in service needs; no secrets.

    Returns
    -------
    list of (str, str, str)
        A name, "ok", "absent" or "wrong", and words.
    """
    from mmtoolkit.providers.dashscope.settings import readiness as of_service

    try:
        provider, reason = choose(None)
        goes = say("nothing leaves this machine")
        if provider.leaves_machine:
            goes = say("items go to {place}", place=provider.destination)
        model = ("ok", aside(say("{model!r} ({reason})", model=provider.spec.name, reason=reason), goes))
    except (MMToolkitError, ValueError, OSError) as error:
        model = ("wrong", str(error))
    return [("default model", *model), *of_service()]


def _default_model() -> tuple[str, str]:
    named = os.environ.get("MMTOOLKIT_MODEL", "").strip()
    if named:
        return named, say("from MMTOOLKIT_MODEL")
    from mmtoolkit.providers.dashscope.key import find_api_key

    if find_api_key() is not None:
        return "multimodal-embedding-v1", say("an API key was found")
    return "local", say("no API key was found; basic quality, see the README for DashScope")
