"""One request through DashScope's SDK. The only file that imports ``dashscope``, at the first request."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from mmtoolkit._text import shorten
from mmtoolkit.providers.dashscope.reading import read_answer
from mmtoolkit.providers.queue.rules import Answer
from mmtoolkit.providers.secrets import Secret, redact
from mmtoolkit.providers.wire import Exchange

__all__ = ["calls", "exchanged"]

_KEY: ContextVar[Secret | None] = ContextVar("key", default=None)  # of the request under way


@functools.cache
def calls() -> dict[str, Any]:
    """Import the SDK and return its calls by family; its upload of local files is switched off."""
    import dashscope

    class _NoUpload(dashscope.MultiModalEmbedding):
        @classmethod
        def _preprocess_message_inputs(cls, *_: Any, **__: Any) -> bool:
            return False

    logging.getLogger("dashscope").addFilter(_calm)
    return {
        "multimodal": _NoUpload.call,
        "text": dashscope.TextEmbedding.call,
        "rerank": dashscope.TextReRank.call,
    }


def _calm(record: logging.LogRecord) -> bool:
    """Remove keys and whole pictures from the SDK's log, and tracebacks of failures that we report ourselves."""
    if record.exc_info and record.msg == "Request failed":
        return False
    record.msg, record.args = shorten(redact(record.getMessage(), _KEY.get()), 2000), ()
    return True


def exchanged(call: Callable[..., Any], exchange: Exchange, key: Secret, **arguments: Any) -> Answer:
    """Let the SDK send one request and read the answer, also a bad one or none; no exception of the SDK leaves this function."""
    trouble, body, outside = "", None, _KEY.set(key)
    try:
        body = call(api_key=key.reveal(), session=exchange, **arguments)
    except Exception as error:  # the SDK raises what its libraries raise; the exchange knows what was answered
        trouble = f"{type(error).__name__}: {error}"
    finally:
        _KEY.reset(outside)
    if exchange.status is None:
        return Answer(None, message=redact(exchange.trouble or trouble, key), sent=exchange.sent)
    try:
        return read_answer(exchange.status, exchange.headers, exchange.body, body, key)
    except RecursionError:
        return Answer(exchange.status, code="ProtocolError", message="the answer is nested too deeply")
