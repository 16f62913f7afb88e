"""From items to vectors: ``embed*``, ``estimate``, ``Embeddings``. ``Embedder`` is in ``transformer``, which imports scikit-learn."""

from mmtoolkit.embedding.costs import Estimate, estimate
from mmtoolkit.embedding.joining import concat
from mmtoolkit.embedding.result import Embeddings
from mmtoolkit.embedding.verbs import embed, embed_images, embed_texts, embed_videos

__all__ = [
    "Embeddings",
    "Estimate",
    "concat",
    "embed",
    "embed_images",
    "embed_texts",
    "embed_videos",
    "estimate",
]
