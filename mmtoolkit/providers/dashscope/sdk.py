"""One request through DashScope's SDK. The only file that imports ``dashscope``, at the first request."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from mmtoolkit._text import shorten
from mmtoolkit.providers.dashscope.reading import read_answer
from mmtoolkit.providers.queue.rules import Answer
from mmtoolkit.providers.secrets import Secret, redact
from mmtoolkit.providers.wire import Exchange, session_for

if TYPE_CHECKING:
    from mmtoolkit.models import ModelSpec

__all__ = ["calls", "rerank", "send"]

_KEY: ContextVar[Secret | None] = ContextVar("key", default=None)  # of the request under way
_SPARE_BYTES, _NUMBER_BYTES = 1 << 20, 100  # a good answer has about 22 bytes per number


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


def send(
    spec: ModelSpec,
    key: Secret,
    base_url: str,
    params: Mapping[str, Any],
    contents: Sequence[Mapping[str, Any]],
    grouped: bool,
    *,
    workspace: str | None,
    timeout_s: float,
    trust_env: bool,
) -> Answer:
    """Send one request through the SDK and read the answer; no exception of the SDK leaves this function.

    Parameters
    ----------
    spec : ModelSpec
        The model's row.
    key : Secret
        The API key.
    base_url : str
        Where to.
    params : mapping
        The model's parameters.
    contents : sequence of dict
        As the service takes them.
    grouped : bool
        Whether they make one vector.
    workspace : str or None
        The account's workspace.
    timeout_s : float
        Seconds for the whole request.
    trust_env : bool
        Whether proxies are taken from the environment.

    Returns
    -------
    Answer
        Also of a request that failed, or was never sent.
    """
    longest = max(spec.dimension, *spec.dimensions) if spec.dimensions else spec.dimension
    exchange = Exchange(session_for(trust_env), timeout_s, _SPARE_BYTES + _NUMBER_BYTES * longest * len(contents))
    options = dict(params)
    if grouped and spec.fusion == "flag":
        options["enable_fusion"] = True
    return _exchanged(
        calls()[spec.family],
        exchange,
        key,
        model=spec.name,
        input=[c["text"] for c in contents] if spec.family == "text" else list(contents),
        workspace=workspace,
        base_address=base_url,
        flattened_output=True,
        **options,
    )


def rerank(
    spec: ModelSpec,
    key: Secret,
    base_url: str,
    query: Any,
    documents: Sequence[Mapping[str, Any]],
    *,
    workspace: str | None,
    timeout_s: float,
    trust_env: bool,
) -> Answer:
    """Send a rerank request through the SDK; see `send`.

    Parameters
    ----------
    spec, key, base_url, workspace, timeout_s, trust_env
        As `send` takes them.
    query : str or dict
        A text, or ``{"image": ...}``.
    documents : sequence of dict
        As the service takes them; a model of texts gets their texts.

    Returns
    -------
    Answer
        Also of a request that failed, or was never sent.
    """
    exchange = Exchange(session_for(trust_env), timeout_s, _SPARE_BYTES)
    return _exchanged(
        calls()["rerank"],
        exchange,
        key,
        model=spec.name,
        query=query,
        documents=[one["text"] for one in documents] if spec.family == "text" else list(documents),
        workspace=workspace,
        base_address=base_url,
    )


def _exchanged(call: Callable[..., Any], exchange: Exchange, key: Secret, **arguments: Any) -> Answer:
    """Let the SDK send a request and read the answer."""
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
