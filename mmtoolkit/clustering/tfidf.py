"""Names from the items' own texts: class-based TF-IDF, English and Chinese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from mmtoolkit._cedict import HAN, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["keywords", "tokens"]

_PIECES = re.compile(rf"{HAN.pattern}|[^\W\d_{HAN.pattern[1:-2]}]{{2,}}")
_PARTICLES = frozenset(
    "的了是一二两三几半只個个條条在有和也不就都把被您你我他她它们們這这那着著过吧吗嗎呢啊头些張张块塊片位座"
    "匹辆輛棵艘朵与與及或但而很再从從到为為上下中里裡之其以于於对對将將会會可能要用种種"
)
_SHOWN = 3
_RUNNERS_UP = 8


def tokens(text: str) -> list[str]:
    """Cut a text into lower-case words, without the words that say nothing.

    Parameters
    ----------
    text : str
        English, Chinese, or both.

    Returns
    -------
    list of str
        Words in order; English stop words, Chinese particles and measure words left out.

    Examples
    --------
    >>> tokens("The green frogs, 两只青蛙。")
    ['green', 'frogs', '青蛙']
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    found: list[str] = []
    for piece in _PIECES.findall(text.lower()):
        if HAN.match(piece):
            found += [word for word in cut(piece) if not set(word) <= _PARTICLES]
        elif piece not in ENGLISH_STOP_WORDS:
            found.append(piece)
    return found


def keywords(texts: Sequence[str], labels: NDArray[np.int64], n_clusters: int) -> pd.DataFrame:
    """Name every cluster by the words that are frequent in it and rare in the others.

    Parameters
    ----------
    texts : sequence of str
        One per item.
    labels : ndarray of shape (n_items,), int64
        Cluster of every item; -1 is left out.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    DataFrame
        Index cluster; name (three words), words (the best eight), margin: share of the cluster's items that hold the
        first word, less the largest such share of another cluster. A cluster without words keeps its number.

    References
    ----------
    Grootendorst (2022), BERTopic: neural topic modeling with a class-based TF-IDF procedure.
    """
    import pandas as pd
    from scipy.sparse import csr_array

    rows = np.flatnonzero(labels >= 0)
    documents = [tokens(texts[row]) for row in rows.tolist()]
    vocabulary, codes = np.unique([word for words in documents for word in words], return_inverse=True)
    document = np.repeat(np.arange(len(rows)), list(map(len, documents)))
    counts = csr_array((np.ones(len(codes)), (document, codes)), shape=(len(rows), len(vocabulary)))
    members = csr_array((np.ones(len(rows)), (labels[rows], np.arange(len(rows)))), shape=(n_clusters, len(rows)))
    frequency = (members @ counts).toarray()
    held = (members @ (counts > 0).astype(np.float64)).toarray() / np.asarray(members.sum(axis=1))[:, None]
    total = frequency.sum(axis=1, keepdims=True)
    weight = frequency / np.maximum(total, 1) * np.log1p(total.sum() / max(n_clusters, 1) / frequency.sum(axis=0))
    table = []
    for cluster in range(n_clusters):
        order = np.argsort(-weight[cluster], kind="stable")[:_RUNNERS_UP]
        order = order[weight[cluster, order] > 0]
        others = np.delete(held, cluster, axis=0)[:, order[:1]].max(axis=0, initial=0.0)
        margin = float(held[cluster, order[0]] - others[0]) if len(order) else np.nan
        name = ", ".join(vocabulary[order[:_SHOWN]]) or f"cluster {cluster}"
        table.append((name, ", ".join(vocabulary[order]), margin))
    index = pd.RangeIndex(n_clusters, name="cluster")
    return pd.DataFrame(table, columns=["name", "words", "margin"], index=index)
