"""The built-in model: basic quality, free, offline."""

from mmtoolkit.providers.local.model import LocalModel

__all__ = ["LocalModel"]
