"""Servers that speak OpenAI's ``/v1/embeddings``: vLLM, Ollama, text-embeddings-inference, gateways, DashScope's compatible mode."""

from mmtoolkit.providers.openai_compatible.provider import OpenAICompatible

__all__ = ["OpenAICompatible"]
