"""mmtoolkit: sort, group, label and explain pictures, texts and videos in a notebook.

Vectors for all of them in one semantic space, paid for once; clusters with names, classifiers with honest scores,
maps to touch, search across modalities, and reports that another person can verify.
"""

from __future__ import annotations

import importlib
import logging
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_WHERE = {
    "DashScope": "providers.dashscope",
    "Embedder": "embedding",
    "EmbeddingCache": "cache",
    "Embeddings": "embedding",
    "Fused": "content",
    "Image": "content",
    "MMToolkitError": "errors",
    "ModelSpec": "models",
    "Text": "content",
    "Video": "content",
    "audit": "classification",
    "classify": "classification",
    "cluster": "clustering",
    "compare": "classification",
    "concat": "embedding",
    "embed": "embedding",
    "embed_images": "embedding",
    "embed_texts": "embedding",
    "embed_videos": "embedding",
    "estimate": "embedding",
    "evaluate_search": "retrieval",
    "explore": "explorer",
    "get_model": "models",
    "items": "items",
    "list_models": "models",
    "load_classifier": "classification",
    "load_dataset": "items",
    "near_duplicates": "retrieval",
    "pick": "clustering",
    "project": "projection",
    "read_folder": "items",
    "register_model": "models",
    "report": "report",
    "search": "retrieval",
    "similarity": "retrieval",
    "verify": "verify",
    "zero_shot": "classification",
}
_MODULES = ("protocols", "spark")

__all__ = [*_WHERE, *_MODULES]

logging.getLogger(__name__).addHandler(logging.NullHandler())


class _Package(ModuleType):
    """Keeps ``mm.items`` the function when the module of that name is imported (also report, verify)."""

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, ModuleType) and name in _WHERE:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _WHERE:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


if TYPE_CHECKING:
    from mmtoolkit import protocols, spark
    from mmtoolkit.cache import EmbeddingCache
    from mmtoolkit.classification import audit, classify, compare, load_classifier, zero_shot
    from mmtoolkit.clustering import cluster, pick
    from mmtoolkit.content import Fused, Image, Text, Video
    from mmtoolkit.embedding import (
        Embedder,
        Embeddings,
        concat,
        embed,
        embed_images,
        embed_texts,
        embed_videos,
        estimate,
    )
    from mmtoolkit.errors import MMToolkitError
    from mmtoolkit.explorer import explore
    from mmtoolkit.items import items, load_dataset, read_folder
    from mmtoolkit.models import ModelSpec, get_model, list_models, register_model
    from mmtoolkit.projection import project
    from mmtoolkit.providers.dashscope import DashScope
    from mmtoolkit.report import report
    from mmtoolkit.retrieval import evaluate_search, near_duplicates, search, similarity
    from mmtoolkit.verify import verify
