"""The DashScope service: its provider, its rules, its SDK."""

from mmtoolkit.providers.dashscope.provider import DashScope
from mmtoolkit.providers.dashscope.rerank import DashScopeRerank

__all__ = ["DashScope", "DashScopeRerank"]
