"""`explore`, which opens an explorer."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from mmtoolkit.explorer.core import Explorer
from mmtoolkit.explorer.positions import Places
from mmtoolkit.vectors import HasVectors, vectors_of
from mmtoolkit.words import Language, chosen_language

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["explore"]


def explore(
    embeddings: HasVectors | ArrayLike,
    y: Any = None,
    clusters: Any = None,
    projection: Any = None,
    *,
    journal: str | os.PathLike[str] | None = None,
    language: Language | None = None,
    annotator: str | None = None,
) -> Explorer:
    """Open a map of the items to look, search, select and annotate.

    Parameters
    ----------
    embeddings : Embeddings or array-like of shape (n_items, n_features)
        Finite rows; ``emb.drop_failed()`` removes the others.
    y : array-like of shape (n_items,), str, DataFrame with columns id and label, or None, default=None
        Classes.
    clusters : Clustering, array-like of shape (n_items,) of int, or None, default=None
        Clusters; a clustering gets a slider for their number.
    projection : Projection, array-like of shape (n_items, 2), or None, default=None
        The map. None shows a PCA at once and a UMAP as soon as a helper process has computed it.
    journal : path or None, default=None
        A CSV file that keeps every annotation as it is given, and is read again at the next start. Several explorers
        and processes may write to one file. Answers about an item whose content has changed since are left out.
    language : {"en", "zh"} or None, default=None
        Of the page; None means MMTOOLKIT_LANGUAGE, else English. What is written down, such as `how`, is English.
    annotator : str or None, default=None
        Who answers, stored with every answer. You then see your own answers only, and those without a name: reviews ask
        what others have answered, too, so that `Explorer.agreement` can compare. None takes the last answer of anybody.

    Returns
    -------
    Explorer
        Shown by a cell that ends with it; `selected` and `annotations` are DataFrames.

    Raises
    ------
    ValueError
        If classes, clusters or map are of other items, in another order or of another length, rows hold NaN, the
        language is unknown, the annotator has no name, or the journal was kept for other items with the same ids.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.eye(4)
    >>> ex = mm.explore(X, projection=[[0, 0], [1, 0], [0, 1], [5, 5]])
    >>> ex.lasso([(-1, -1), (2, -1), (2, 2), (-1, 2)])
    >>> ex.label("near")
    3
    >>> ex.annotations[["id", "annotation", "how"]]
      id annotation    how
    0  0       near  lasso
    1  1       near  lasso
    2  2       near  lasso
    """
    vectors_of(embeddings)  # refuses what cannot be explored before a map is computed
    return Explorer(
        embeddings,
        Places(embeddings, projection),
        y=y,
        clusters=clusters,
        journal=journal,
        language=chosen_language(language),
        annotator=annotator,
    )
