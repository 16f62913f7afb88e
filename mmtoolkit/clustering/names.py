"""Names for clusters: from texts, from a vocabulary, or from a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmtoolkit._aligned import column
from mmtoolkit.clustering.tfidf import keywords
from mmtoolkit.clustering.vocabularies import vocabulary as shipped
from mmtoolkit.provenance import one_thread
from mmtoolkit.vectors import has_vectors, items_of, unit_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from mmtoolkit.clustering.centers import Clusters

__all__ = ["contrast", "make_names"]

_RUNNERS_UP = 5
_CENTRAL = 20


def make_names(
    clustering: Clusters,
    *,
    vocabulary: str | Sequence[str] | None,
    texts: str | Sequence[str] | None,
    function: Callable[[pd.DataFrame], str] | None,
    language: str,
) -> pd.DataFrame:
    """Return the table of names; see ``Clusters.with_names``."""
    asked = [
        name for name, way in (("vocabulary", vocabulary), ("texts", texts), ("function", function)) if way is not None
    ]
    if len(asked) > 1:
        msg = f"names come from one source; got {' and '.join(asked)}"
        raise ValueError(msg)
    if function is not None:
        return _answers(clustering, function)
    if texts is None and vocabulary is None:
        items = items_of(clustering.source)
        if items is not None and (items["modality"] == "text").all():
            texts = "text"
    if texts is not None:
        values = column(clustering.source, texts, what="texts")
        return keywords(["" if v is None else str(v) for v in values], clustering._source_labels, clustering.n_clusters)
    return _from_vocabulary(clustering, _word_list("nouns" if vocabulary is None else vocabulary, language))


def _word_list(vocabulary: str | Sequence[str], language: str) -> list[str]:
    words = shipped(vocabulary, language) if isinstance(vocabulary, str) else list(dict.fromkeys(map(str, vocabulary)))
    if len(words) < 2:
        msg = f"a vocabulary needs at least two different words to choose between, got {words!r}"
        raise ValueError(msg)
    return words


def _from_vocabulary(clustering: Clusters, words: list[str]) -> pd.DataFrame:
    source: Any = clustering.source
    if not has_vectors(source):
        msg = "a vocabulary is embedded by the items' own model, which plain vectors do not have; pass texts= or function="
        raise TypeError(msg)
    W = unit_rows(source.encode(words))
    with one_thread():
        return contrast(W, clustering._directions(), words)


def contrast(W: NDArray[np.float32], centers: NDArray[np.float32], words: Sequence[str]) -> pd.DataFrame:
    """Give every cluster the word that fits it better than its siblings, no word twice.

    A word's similarity to a cluster is taken relative to its mean similarity to all clusters, so that words that are
    near to everything (hubs, the gap between texts and pictures) win nowhere.

    Parameters
    ----------
    W : ndarray of shape (n_words, n_features), float32
        Unit rows.
    centers : ndarray of shape (n_clusters, n_features), float32
        Unit rows.
    words : sequence of str
        The words.

    Returns
    -------
    DataFrame
        Index cluster; name, words (runners-up), margin: similarity of the name to its cluster less that to the
        nearest other cluster (to the mean cluster when there is one only; negative: another cluster fits it better).
    """
    import pandas as pd

    k = len(centers)
    similarity = (W @ centers.T).astype(np.float64)
    relative = similarity - similarity.mean(axis=1, keepdims=True) if k > 1 else similarity
    rivals = similarity.copy()
    others = np.full(similarity.shape, np.nan)
    for cluster in range(k):
        others[:, cluster] = np.delete(rivals, cluster, axis=1).max(axis=1) if k > 1 else 0.0
    taken: set[int] = set()
    rows: dict[int, tuple[str, str, float]] = {}
    order = np.argsort(-relative, axis=0, kind="stable")
    for cluster in np.argsort(-relative.max(axis=0), kind="stable").tolist():  # the surest cluster chooses first
        free = [w for w in order[: k + _RUNNERS_UP, cluster].tolist() if w not in taken] or order[:1, cluster].tolist()
        taken.add(free[0])
        runners_up = ", ".join(words[w] for w in free[1 : 1 + _RUNNERS_UP])
        margin = similarity[free[0], cluster] - others[free[0], cluster]
        rows[cluster] = (words[free[0]], runners_up, float(margin))
    index = pd.RangeIndex(k, name="cluster")
    return pd.DataFrame([rows[c] for c in range(k)], columns=["name", "words", "margin"], index=index)


def _answers(clustering: Clusters, function: Callable[[pd.DataFrame], str]) -> pd.DataFrame:
    import pandas as pd

    shown = clustering._central(_CENTRAL)
    answers = []
    for cluster in range(clustering.n_clusters):
        answer = function(shown[shown["cluster"] == cluster])
        if not isinstance(answer, str) or not answer.strip():
            msg = f"the naming function must return a name, got {answer!r} for cluster {cluster}"
            raise ValueError(msg)
        answers.append(answer.strip())
    return pd.DataFrame({"name": answers}, index=clustering.names.index)
