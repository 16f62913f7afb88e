"""The review queue: most suspicious first, and learning from answers."""

from __future__ import annotations

import numpy as np
import pytest

from mmtoolkit.explorer.queue import ReviewQueue
from mmtoolkit.vectors import unit_rows


def test_most_suspicious_first_and_given_order_without_scores():
    assert ReviewQueue("x", [5, 7, 9], [0.1, 0.9, 0.5]).waiting.tolist() == [7, 9, 5]
    assert ReviewQueue("x", [5, 7, 9]).waiting.tolist() == [5, 7, 9]


def two_groups(rng):
    """Items 0 to 9 are alike, items 10 to 19 are alike, and the two groups alternate in suspicion."""
    X = np.repeat(np.eye(2, 6), 10, axis=0) + rng.normal(scale=0.05, size=(20, 6))
    return unit_rows(X), np.arange(20), np.tile(np.arange(10.0), 2)


def test_yes_brings_like_items_up_and_no_sends_them_down(rng):
    X, rows, scores = two_groups(rng)

    yes, no = (ReviewQueue("x", rows, scores, X) for _ in range(2))
    yes.answer(0, True)
    no.answer(0, False)

    def mean_place(queue):
        return np.flatnonzero(queue.waiting < 10).mean()

    assert mean_place(yes) < mean_place(no) - 2


def test_without_vectors_answers_never_change_the_order():
    queue = ReviewQueue("audit", [3, 1, 2])

    queue.answer(3, True)

    assert queue.waiting.tolist() == [1, 2]
    assert queue.current == 1


def test_answers_shrink_the_queue_and_can_be_taken_back(rng):
    X, rows, scores = two_groups(rng)
    queue = ReviewQueue("x", rows, scores, X)
    first = queue.current
    before = queue.waiting.tolist()

    queue.answer(first, True)
    assert len(queue) == 19
    assert first not in queue.waiting
    queue.reopen([first])

    assert queue.waiting.tolist() == before


def test_skipped_items_come_last(rng):
    X, rows, scores = two_groups(rng)
    queue = ReviewQueue("x", rows, scores, X)
    first = queue.current

    queue.defer(first)

    assert queue.current != first
    assert queue.waiting[-1] == first


def test_all_answered_and_foreign_rows():
    queue = ReviewQueue("x", [4])
    with pytest.raises(ValueError, match="row 5 is not in the queue 'x'"):
        queue.answer(5, True)
    queue.answer(4, False)

    assert queue.current is None
    assert len(queue) == 0
    assert ReviewQueue("empty", []).current is None


def test_scores_of_another_length_are_refused():
    with pytest.raises(ValueError, match="2 items and 1 scores"):
        ReviewQueue("x", [1, 2], [0.5])
