"""Names for clusters: from texts, from a vocabulary, or from a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._aligned import column
from mmtoolkit._arguments import check_choice
from mmtoolkit.clustering.tfidf import LEAST, UNNAMED, keywords
from mmtoolkit.clustering.vocabularies import LANGUAGES
from mmtoolkit.clustering.vocabularies import vocabulary as shipped
from mmtoolkit.provenance import one_thread
from mmtoolkit.vectors import has_vectors, items_of, unit_rows

if TYPE_CHECKING:
    from mmtoolkit.clustering.centers import Clusters

__all__ = ["contrast", "make_names"]

_RUNNERS_UP = 5
_CENTRAL = 20
_CAPTIONED = 0.2  # share of the items that have a text, from which texts give the names
_LEAD = 5 / 4  # how far the best word must lie above the rest: times what the best of as many chance numbers has
_OWN = 0.15  # part of a word's lead that no other cluster may have


def make_names(
    clustering: Clusters,
    *,
    vocabulary: str | Sequence[str] | None,
    texts: str | Sequence[str] | None,
    language: str,
    embedded: dict[tuple[str, ...], NDArray[np.float32]],
    function: Callable[[pd.DataFrame], str] | None = None,
) -> pd.DataFrame:
    """Return the table of names; see ``Clusters.with_names``. `embedded` keeps the vectors of vocabularies."""
    asked = [
        name for name, way in (("vocabulary", vocabulary), ("texts", texts), ("function", function)) if way is not None
    ]
    if len(asked) > 1:
        msg = f"names come from one source; got {' and '.join(asked)}"
        raise ValueError(msg)
    check_choice("language", language, LANGUAGES)
    found = texts if asked else _captions(clustering.source, language)
    if function is not None:
        table = _answers(clustering, function).assign(named_by="function")
    elif found is not None:
        table = _from_texts(clustering, found)
        if not asked and _may_ask_model(clustering.source) and (table["name"] == UNNAMED).any():
            try:
                guessed = _from_vocabulary(clustering, _word_list("nouns", language), embedded)
            except Exception as error:  # raised again, with advice
                error.add_note(f"names from the texts alone need no model: with_names(texts={found!r})")
                raise
            table = table.where((table["name"] != UNNAMED) | (guessed["name"] == UNNAMED), guessed)
    else:
        words = _word_list("nouns" if vocabulary is None else vocabulary, language)
        table = _from_vocabulary(clustering, words, embedded)
    table.index = clustering.names.index
    table["named_by"] = table["named_by"].where(table["name"] != UNNAMED)
    return table.join(_majorities(clustering))


def _from_texts(clustering: Clusters, texts: str | Sequence[str]) -> pd.DataFrame:
    values = _texts(column(clustering.source, texts, what="texts"))
    return keywords(values, clustering._source_labels, clustering.n_clusters).assign(named_by="texts")


def _may_ask_model(source: Any) -> bool:
    """Return whether words of a vocabulary can be compared with the items: they have a model, and not all of them are texts."""
    return bool(getattr(source, "model", "")) and not (source.items["modality"] == "text").all()


def _majorities(clustering: Clusters) -> pd.DataFrame:
    """Return the commonest class of every cluster and its share of the items that have one; no columns without classes."""
    items, index = items_of(clustering.source), clustering.names.index
    if items is None or "label" not in items or items["label"].isna().all():
        return pd.DataFrame(index=index)
    counts = pd.crosstab(
        clustering._source_labels, items["label"].astype(object).map(str).where(items["label"].notna()).to_numpy()
    )
    counts = counts.reindex(range(len(index)), fill_value=0).set_axis(index)
    total = counts.sum(axis=1)
    share = counts.max(axis=1) / total.where(total > 0)
    return pd.DataFrame({"majority": counts.idxmax(axis=1).where(total > 0), "majority_share": share})


def _captions(source: Any, language: str) -> str | None:
    """Return the column of captions that most items have: that of the language, else ``text``; None without one."""
    items = items_of(source)
    if items is None:
        return None
    for name in (f"text_{language}", "text"):
        if name in items and np.mean([bool(text.strip()) for text in _texts(items[name])]) >= _CAPTIONED:
            return name
    return None


def _texts(values: Iterable[Any]) -> list[str]:
    """Return texts, "" where there is none."""
    return [value if isinstance(value, str) else "" for value in values]


def _word_list(vocabulary: str | Sequence[str], language: str) -> list[str]:
    words = shipped(vocabulary, language) if isinstance(vocabulary, str) else list(dict.fromkeys(map(str, vocabulary)))
    if len(words) < 2:
        msg = f"a vocabulary needs at least two different words to choose between, got {words!r}"
        raise ValueError(msg)
    return words


def _from_vocabulary(
    clustering: Clusters, words: list[str], embedded: dict[tuple[str, ...], NDArray[np.float32]]
) -> pd.DataFrame:
    source: Any = clustering.source
    if not has_vectors(source):
        msg = "a vocabulary is embedded by the items' own model, which plain vectors do not have; pass texts= or function="
        raise TypeError(msg)
    if tuple(words) not in embedded:  # else a step from cluster to cluster would be paid for where there is no cache
        embedded[tuple(words)] = unit_rows(source.encode(words))
    with one_thread():
        table = contrast(
            embedded[tuple(words)], clustering._directions(), words, source.unit, clustering._source_labels
        )
    return table.assign(named_by="vocabulary")


def contrast(
    W: NDArray[np.float32],
    centers: NDArray[np.float32],
    words: Sequence[str],
    X: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> pd.DataFrame:
    """Give every cluster the word that fits it better than its siblings, where one word stands out.

    A word's similarity to a cluster is taken relative to its mean similarity to all clusters, so that words that are
    near to everything (hubs, the gap between texts and pictures) win nowhere. The best word is a name when its lead
    over the other words is 5/4 of what the best of as many normal numbers would have (4 standard deviations of 700
    words, 1.9 of nine), no other cluster has more than 85 % of its relative similarity, and it holds for a quarter of the cluster's items.

    Parameters
    ----------
    W : ndarray of shape (n_words, n_features), float32
        Unit rows.
    centers : ndarray of shape (n_clusters, n_features), float32
        Unit rows.
    words : sequence of str
        The words.
    X : ndarray of shape (n_items, n_features), float32
        Unit rows.
    labels : ndarray of shape (n_items,), int64
        Cluster of every item; -1 belongs to none.

    Returns
    -------
    DataFrame
        Index cluster; name ("?" where no word stands out), words (the best six), margin (similarity of the name to its
        cluster less that to the nearest other cluster) and support (share of the cluster's items that its best word
        fits better than the best words of the other clusters).

    References
    ----------
    Blom (1958), Statistical estimates and transformed beta-variables: the expected largest of n normal numbers.
    """
    from scipy.special import ndtri

    k, n = len(centers), len(words)
    similarity = (W @ centers.T).astype(np.float64)
    level = similarity.mean(axis=1, keepdims=True) if k > 1 else np.zeros((n, 1))
    relative = similarity - level
    order = np.argsort(-relative, axis=0, kind="stable")
    best = order[0] if k else np.array([], dtype=np.int64)
    rivals = (W[best] @ X.T).astype(np.float64) - level[best]
    least = _LEAD * float(ndtri((n - 0.375) / (n + 0.25)))
    rows = []
    for cluster, word in enumerate(best.tolist()):
        own = relative[:, cluster]
        lead = (own[word] - own.mean()) / max(float(own.std()), 1e-12)
        other = np.delete(relative[word], cluster).max(initial=0.0)
        mine = labels == cluster
        support = float((rivals[:, mine].max(axis=0) <= rivals[cluster, mine]).mean()) if mine.any() else np.nan
        shown = lead >= least and own[word] > 0 and other <= (1 - _OWN) * own[word] and not support < LEAST
        name = words[word] if shown else UNNAMED
        seen = ", ".join(words[w] for w in order[: 1 + _RUNNERS_UP, cluster].tolist())
        rows.append((name, seen, float(own[word] - other) if shown else np.nan, support if shown else np.nan))
    index = pd.RangeIndex(k, name="cluster")
    return pd.DataFrame(rows, columns=["name", "words", "margin", "support"], index=index)


def _answers(clustering: Clusters, function: Callable[[pd.DataFrame], str]) -> pd.DataFrame:
    shown = clustering._central(_CENTRAL)
    answers: list[str] = []
    try:
        for cluster in clustering.names.index:
            answer = function(shown[shown["cluster"] == cluster])
            if not isinstance(answer, str) or not answer.strip():
                msg = f"the naming function must return a name, got {answer!r} for cluster {cluster}"
                raise ValueError(msg)
            answers.append(answer.strip())
    except Exception as error:  # of the user's function; raised again
        if answers:  # a person or a service was paid for them
            error.add_note(f"it had answered for the clusters before: {answers!r}")
        raise
    return pd.DataFrame({"name": answers})
