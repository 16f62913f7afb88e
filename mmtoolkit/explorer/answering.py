"""Answer in the explorer: annotations, undo, reviews, and what two people agree on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from mmtoolkit.explorer.agreement import AnnotatorAgreement
from mmtoolkit.explorer.annotations import AUDIT
from mmtoolkit.explorer.kinds import KINDS
from mmtoolkit.words import speaking

if TYPE_CHECKING:
    from mmtoolkit.explorer.core import Explorer

__all__ = ["agreement", "annotations_diff", "answer", "audit_sample", "label", "review", "skip", "undo"]


def annotations_diff(self: Explorer) -> pd.DataFrame:
    """Return the annotations that differ from `y`: id, before, after, change ("new" or "changed"), how.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(3), y=["cat", "dog", "cat"], projection=np.eye(3)[:, :2])
    >>> ex.label("dog", items=[0, 1])
    2
    >>> ex.annotations_diff()[["id", "before", "after", "change"]]
      id before after   change
    0  0    cat   dog  changed
    """
    return self.notes.diff(self.y)


def label(self: Explorer, annotation: str | None, items: Any = None) -> int:
    """Annotate items; `undo` takes it back.

    Parameters
    ----------
    annotation : str or None
        None takes annotations away.
    items : id, row number, sequence, mask, DataFrame or None, default=None
        None is the item under review while a queue has items left, else the selection.

    Returns
    -------
    int
        How many items were annotated. Items judged in the audit sample keep that answer.

    Raises
    ------
    MMToolkitError
        If the journal cannot be written; the annotations are kept in memory.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
    >>> ex.label("bird", items=[0, 2])
    2
    >>> ex.annotated
    array(['bird', None, 'bird'], dtype=object)
    """
    return self.reviews.label(annotation, items)


def undo(self: Explorer) -> int:
    """Take the last step back: annotations given at once, or an answer in a review, whose item is asked again.

    Returns
    -------
    int
        How many items it concerned; 0 when there is nothing to undo.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(3), projection=np.eye(3)[:, :2])
    >>> ex.label("bird", items=[0, 2])
    2
    >>> ex.undo()
    2
    >>> ex.annotations.empty
    True
    """
    return self.reviews.undo()


def audit_sample(self: Explorer, n: int = 50, *, random_state: int = 0) -> pd.DataFrame:
    """Draw items at random and ask for their annotation, one by one: scores come from these only.

    Items found by lasso or search are easy or alike; a score on them flatters. Draw this sample first.

    Parameters
    ----------
    n : int, default=50
        How many in all, fewer when there are not so many.
    random_state : int, default=0
        Seed; the same seed draws the same items, those judged before are not asked again.

    Returns
    -------
    DataFrame
        The sample, in the order it is asked.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> ex = mm.explore(np.eye(5), projection=np.eye(5)[:, :2])
    >>> ex.audit_sample(2)["id"].tolist()
    ['2', '4']
    >>> ex.label("bird")
    1
    >>> ex.annotations[["id", "annotation", "how"]]
      id annotation    how
    0  2       bird  audit
    """
    self.reviews.open(AUDIT, n, random_state=random_state)
    drawn: Any = KINDS[AUDIT].queue(self.state, n, random_state=random_state)
    sample: pd.DataFrame = self.items.iloc[drawn.rows].reset_index(drop=True)
    return sample


def review(
    self: Explorer, what: Any = "label_issues", *, result: Any = None, n: int = 50, wait: bool | None = None
) -> pd.DataFrame:
    """Open a queue of items worth a look, most suspicious first; it is put in order anew after every answer.

    Parameters
    ----------
    what : {"label_issues", "learn", "outliers", "boundary", "audit", "disagreements"}, DataFrame, ids, row numbers or None, \
default="label_issues"
        Items whose class the classifier doubts; items that teach a classifier most, as long as you like (see `learned`);
        items far from all others; items between two clusters; a random sample (see `audit_sample`); items that
        annotators answered differently (see `agreement`); or your own list. None closes the queue.
    result : Classification or Clustering, optional
        Where the suspicion comes from; computed when it is not given.
    n : int, default=50
        Length of the queue; of "learn", how many of the items waiting are listed.
    wait : bool or None, default=None
        False opens a review of label issues at once with what a quick look finds, while a classifier is trained in a
        thread; the page, or `wait`, takes over what it finds, and the item under review and the answers stay. True waits for the
        classifier; None does so unless a page shows the explorer.

    Returns
    -------
    DataFrame
        The items waiting, the next one first. What was answered in an earlier review of this kind is not asked
        again; your own list is taken as it is.

    Raises
    ------
    ValueError
        If the name is unknown, classes or clusters are missing, or the result is of other items.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> X = [[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [-1.0, 0.0]]
    >>> ex = mm.explore(X, projection=X)
    >>> ex.review("outliers", n=2)["id"].tolist()
    ['3', '0']
    >>> ex.answer(True)
    >>> ex.reviewed[["id", "queue", "found"]]
      id     queue found
    0  3  outliers  True
    """
    self.reviews.open(what, n, result=result, wait=self._view is None if wait is None else wait)
    return self.waiting


def answer(self: Explorer, found: bool) -> None:
    """Say whether the item under review is what the queue looks for; `reviewed` keeps it and `undo` takes it back.

    Where the queue suggests a class, "yes" annotates the item with it. "No" about a label issue confirms the item's
    class; about others it leaves the item as it is.

    Parameters
    ----------
    found : bool
        True: yes, it is.

    Raises
    ------
    ValueError
        If no item is under review, or the review asks what an item is and suggests nothing.

    Examples
    --------
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X = np.random.default_rng(0).normal(size=(40, 8))
    >>> X[:20, 0] += 9
    >>> y = np.repeat(["cat", "dog"], 20)
    >>> y[3] = "dog"
    >>> ex = mm.explore(X, y=y, projection=X[:, :2])
    >>> ex.review("label_issues")["id"].tolist()
    ['3']
    >>> ex.answer(True)
    >>> ex.annotations_diff()[["id", "before", "after"]]
      id before after
    0  3    dog   cat
    """
    self.reviews.answer(found)


def skip(self: Explorer) -> None:
    """Put the item under review at the end of the queue.

    Examples
    --------
    >>> import mmtoolkit as mm
    >>> X = [[1.0, 0.0], [1.0, 0.1], [1.0, 0.2], [-1.0, 0.0]]
    >>> ex = mm.explore(X, projection=X)
    >>> ex.review([2, 1])["id"].tolist()
    ['2', '1']
    >>> ex.skip()
    >>> ex.waiting["id"].tolist()
    ['1', '2']
    """
    self.reviews.skip()


def agreement(self: Explorer, annotators: Sequence[str] | None = None) -> AnnotatorAgreement:
    """Compare the answers of two annotators to the same items: Cohen's kappa with its interval.

    What somebody answers in ``ex.review("disagreements")`` settles a dispute and is not counted: both had spoken by then.

    Parameters
    ----------
    annotators : two str or None, default=None
        Who; None where there are only two.

    Returns
    -------
    AnnotatorAgreement
        `kappa`, `low`, `high`, `agreement`, `counts`, `disagreements`.

    Raises
    ------
    ValueError
        If there are not two annotators, they share fewer than 10 items, or gave one answer to all of them.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import mmtoolkit as mm
    >>> X, file = np.eye(20), f"{tempfile.mkdtemp()}/labels.csv"
    >>> for name in ("Ann", "Bob"):
    ...     ex = mm.explore(X, projection=X[:, :2], journal=file, annotator=name)
    ...     _ = ex.label("cat", items=range(9)), ex.label("dog", items=range(9, 20))
    >>> ex.label("dog", items=[0])
    1
    >>> ex.agreement()
    <AnnotatorAgreement: Ann and Bob agree on 95.0 % of 20 items, kappa 0.90 (0.52 to 0.98)>
    >>> ex.review("disagreements")["id"].tolist()
    ['0']
    """
    from mmtoolkit.explorer.agreement import agreement_of

    with speaking(self.language):
        return agreement_of(self.notes, annotators, self.ids)
