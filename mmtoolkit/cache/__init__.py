"""The vector cache: every vector is paid for once.

`EmbeddingCache` keeps vectors on disk; `open_cache` turns a user's ``cache=`` into a store.
"""

from mmtoolkit.cache.chain import CacheLike, Chain, open_cache
from mmtoolkit.cache.memory import MemoryCache
from mmtoolkit.cache.protocol import VectorStore
from mmtoolkit.cache.store import EmbeddingCache, default_path
from mmtoolkit.space import Space

__all__ = ["CacheLike", "Chain", "EmbeddingCache", "MemoryCache", "Space", "VectorStore", "default_path", "open_cache"]
