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
    "FunctionProvider": "providers.function",
    "Fused": "content",
    "Image": "content",
    "MMToolkitError": "errors",
    "ModelSpec": "models",
    "OpenAICompatible": "providers.openai_compatible",
    "Provider": "providers.base",
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


if TYPE_CHECKING:  # with aliases, so that type checkers see them as public
    from mmtoolkit import protocols as protocols
    from mmtoolkit import spark as spark
    from mmtoolkit.cache import EmbeddingCache as EmbeddingCache
    from mmtoolkit.classification import classify as classify
    from mmtoolkit.classification import load_classifier as load_classifier
    from mmtoolkit.classification.audit import audit as audit
    from mmtoolkit.classification.compare import compare as compare
    from mmtoolkit.classification.zero_shot import zero_shot as zero_shot
    from mmtoolkit.clustering import cluster as cluster
    from mmtoolkit.clustering.pick import pick as pick
    from mmtoolkit.content import Fused as Fused
    from mmtoolkit.content import Image as Image
    from mmtoolkit.content import Text as Text
    from mmtoolkit.content import Video as Video
    from mmtoolkit.embedding import Embedder as Embedder
    from mmtoolkit.embedding import Embeddings as Embeddings
    from mmtoolkit.embedding import concat as concat
    from mmtoolkit.embedding import embed as embed
    from mmtoolkit.embedding import embed_images as embed_images
    from mmtoolkit.embedding import embed_texts as embed_texts
    from mmtoolkit.embedding import embed_videos as embed_videos
    from mmtoolkit.embedding.costs import estimate as estimate
    from mmtoolkit.errors import MMToolkitError as MMToolkitError
    from mmtoolkit.explorer import explore as explore
    from mmtoolkit.items import items as items
    from mmtoolkit.items import load_dataset as load_dataset
    from mmtoolkit.items import read_folder as read_folder
    from mmtoolkit.models import ModelSpec as ModelSpec
    from mmtoolkit.models import get_model as get_model
    from mmtoolkit.models import list_models as list_models
    from mmtoolkit.models import register_model as register_model
    from mmtoolkit.projection import project as project
    from mmtoolkit.providers.base import Provider as Provider
    from mmtoolkit.providers.dashscope import DashScope as DashScope
    from mmtoolkit.providers.function import FunctionProvider as FunctionProvider
    from mmtoolkit.providers.openai_compatible import OpenAICompatible as OpenAICompatible
    from mmtoolkit.report import report as report
    from mmtoolkit.retrieval import evaluate_search as evaluate_search
    from mmtoolkit.retrieval import near_duplicates as near_duplicates
    from mmtoolkit.retrieval import search as search
    from mmtoolkit.retrieval import similarity as similarity
    from mmtoolkit.verify import verify as verify
