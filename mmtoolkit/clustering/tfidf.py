"""Names from the items' own texts: class-based TF-IDF, English and Chinese."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mmtoolkit._cedict import HAN, cut

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["LEAST", "UNNAMED", "keywords", "tokens"]

UNNAMED = "?"
_PIECES = re.compile(rf"{HAN.pattern}|[^\W\d_{HAN.pattern[1:-2]}]{{2,}}")
_PARTICLES = frozenset(
    "者向来最先像因的了是一二两三几半只個个條条在有和也不就都把被您你我他她它们們這这那着著过吧吗嗎呢啊头些張张块塊片位座"
    "匹辆輛棵艘朵与與及或但而很再从從到为為上下中里裡之其以于於对對将將会會可能要用种種"
)
_FILLERS = (
    "called certain consisting containing different especially having just kind kinds known like looks lot make makes "
    "means pair pairs particular piece pieces say says set sort sorts type types use used usually various way"
)
_SHORT_FORMS = re.compile(r"\b\w+n['’]t\b|['’](?:s|ll|ve|re|d|m)\b")
_TIMES = 2.0  # how much larger a share must be inside than outside
LEAST = 0.25  # share of a cluster that a name must hold for
_WORDS = 5
_GAIN = 0.05  # share of the texts that each further word must add
_FOLDS = 5
_FEWEST = 3  # texts left out that hold a word, or all but one
_RUNNERS_UP = 8
_STEM = {"ed": 3, "ing": 4}  # letters that must be left: neither "bed" nor "string" is a form of another word


def tokens(text: str) -> list[str]:
    """Cut a text into lower-case words, without stop words.

    Parameters
    ----------
    text : str
        English, Chinese, or both.

    Returns
    -------
    list of str
        Words in order; English stop words and fillers, Chinese particles and measure words left out.

    Examples
    --------
    >>> tokens("The green frogs, 两只青蛙。")
    ['green', 'frogs', '青蛙']
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    found, fillers = list[str](), set(_FILLERS.split())
    for piece in _PIECES.findall(_SHORT_FORMS.sub(" ", text.lower())):
        if HAN.match(piece):
            found += [word for word in cut(piece) if not set(word) <= _PARTICLES]
        elif piece not in ENGLISH_STOP_WORDS and piece not in fillers:
            found.append(piece)
    return found


def keywords(texts: Sequence[str], labels: NDArray[np.int64], n_clusters: int) -> pd.DataFrame:
    """Name every cluster by words that many of its texts hold and few others do.

    A word counts when its share of the cluster's texts is at least twice its share of all other texts. A name is up to
    five such words, each of which stands in texts where those before it do not. How many of the cluster's texts hold one
    of them is counted on texts that the words were not chosen from: a fifth is left out, words are chosen from the others
    and looked for in it, five times over. A name is shown when that is a quarter of the texts or more, at least three of them (or
    all but one), and twice the share of all other texts.

    Parameters
    ----------
    texts : sequence of str
        One per item; blank ones count nowhere.
    labels : ndarray of shape (n_items,), int64
        Cluster of every item; -1 belongs to none.
    n_clusters : int
        Number of clusters.

    Returns
    -------
    DataFrame
        Index cluster; name ("?" where no words stand out), words (the best eight by class-based TF-IDF), support (share
        of the texts left out that hold a word chosen from the others) and margin (that, less the largest share of another
        cluster's texts that hold a word of the name).

    References
    ----------
    Grootendorst (2022), BERTopic: neural topic modeling with a class-based TF-IDF procedure.

    Examples
    --------
    >>> texts = ["a frog", "two frogs", "a green frog", "a car", "red cars", "a fast car"]
    >>> keywords(texts, np.array([0, 0, 0, 1, 1, 1]), 2)["name"].tolist()
    ['frog', 'car']
    """
    from scipy.sparse import csr_array

    rows = np.array([row for row, text in enumerate(texts) if text.strip()], dtype=np.int64)
    documents = _folded([tokens(texts[row]) for row in rows.tolist()])
    labels = labels[rows]
    vocabulary, codes = np.unique([word for words in documents for word in words], return_inverse=True)
    document = np.repeat(np.arange(len(rows)), list(map(len, documents)))
    counts = csr_array((np.ones(len(codes)), (document, codes)), shape=(len(rows), len(vocabulary)))
    counts.sum_duplicates()
    holds = (counts > 0).astype(np.float64).tocsr()
    inside = np.flatnonzero(labels >= 0)
    members = csr_array((np.ones(len(inside)), (labels[inside], inside)), shape=(n_clusters, len(rows)))
    frequency, held = (members @ counts).toarray(), (members @ holds).toarray()
    size = np.bincount(labels[inside], minlength=n_clusters)
    sizes = np.maximum(size, 1)
    outside = (holds.sum(axis=0) - held) / np.maximum(len(rows) - size, 1)[:, None]
    rarity = np.log1p(frequency.sum() / max(n_clusters, 1) / np.maximum(frequency.sum(axis=0), 1))
    weight = frequency / np.maximum(frequency.sum(axis=1, keepdims=True), 1) * rarity
    table = []
    for cluster in range(n_clusters):
        order, own = np.argsort(-weight[cluster], kind="stable"), holds[np.flatnonzero(labels == cluster)]
        chosen = _covering(own, order, outside[cluster])
        found = _found_in_left_out(own, order, outside[cluster])
        support = found / sizes[cluster]
        some = np.asarray(holds[:, chosen].sum(axis=1)) > 0
        others = np.delete(np.bincount(labels[inside], weights=some[inside], minlength=n_clusters) / sizes, cluster)
        elsewhere = some[labels != cluster].sum() / max((labels != cluster).sum(), 1)
        enough = found >= min(_FEWEST, size[cluster] - 1) and support >= max(LEAST, _TIMES * elsewhere)
        shown = bool(chosen) and bool(enough)
        words = ", ".join(vocabulary[order[weight[cluster, order] > 0][:_RUNNERS_UP]])
        name = ", ".join(vocabulary[chosen]) if shown else UNNAMED
        margin = support - float(others.max(initial=0.0))
        table.append((name, words, *((margin, support) if shown else (np.nan, np.nan))))
    index = pd.RangeIndex(n_clusters, name="cluster")
    return pd.DataFrame(table, columns=["name", "words", "margin", "support"], index=index)


def _covering(own: csr_array, order: NDArray[np.int64], outside: NDArray[np.float64]) -> list[int]:
    """Return up to five words that count, each the one that stands in most of the texts without those before it."""
    n = own.shape[0]
    held, least = own.sum(axis=0), int(np.clip(np.ceil(n / 3), 1, 3))
    telling = (held >= _TIMES * outside * n) & (held >= least)
    words = order[telling[order]]
    holds = own[:, words].toarray() > 0
    without, chosen = np.ones(n, dtype=bool), list[int]()
    while len(chosen) < min(_WORDS, len(words)):
        new = holds[without].sum(axis=0)
        best = int(new.argmax())
        if new[best] < max(min(2, least), _GAIN * n if chosen else 0):
            break
        chosen.append(int(words[best]))
        without &= ~holds[:, best]
    return chosen


def _found_in_left_out(own: csr_array, order: NDArray[np.int64], outside: NDArray[np.float64]) -> int:
    """Return how many texts hold one of the words that were chosen from other texts of the cluster."""
    found, fold = 0, np.arange(own.shape[0]) % _FOLDS
    for left in np.unique(fold):
        chosen = _covering(own[fold != left], order, outside)
        found += int((own[fold == left][:, chosen].sum(axis=1) > 0).sum())
    return found


def _folded(documents: list[list[str]]) -> list[list[str]]:
    """Write singular and plural of a word in the commoner form where the texts have both."""
    counts = Counter(word for words in documents for word in words)
    plain = {word: _plain_form(word, counts) for word in counts}
    by_count = sorted(counts, key=lambda word: (counts[word], word == plain[word], word))
    form = {plain[word]: word for word in by_count}  # the last of a kind stays: the commonest, of equals the singular
    return [[form[plain[word]] for word in words] for words in documents]


def _plain_form(word: str, known: Mapping[str, int]) -> str:
    for ending, added in (("ies", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("ing", ""), ("ing", "e")):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _STEM.get(ending, 1) and stem + added in known:
            return stem + added
    return word
