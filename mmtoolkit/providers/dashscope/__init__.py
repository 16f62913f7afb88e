"""The DashScope service: its provider, its rules, its SDK."""

from mmtoolkit.providers.dashscope.provider import DashScope

__all__ = ["DashScope"]
