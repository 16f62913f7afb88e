"""Rerankers of your own: what they give, what is kept, and what is wrong with some."""

from __future__ import annotations

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.embedding.usage import Usage
from mmtoolkit.errors import EmbeddingError, ProtocolError, ProviderError, UnsupportedItemError
from mmtoolkit.providers.reranker import scores_of, vector_of_score


class SharedWords(mm.Reranker):
    """Counts words; remembers what it was asked."""

    name, revision, leaves_machine = "shared-words", "1", False
    takes = frozenset({"text"})

    def __init__(self):
        self.asked = []

    def score(self, query, contents):
        self.asked.append((query.text, [c.text for c in contents]))
        words = set(query.text.split())
        return [len(words & set(c.text.split())) / 3 for c in contents]


@pytest.fixture
def emb(tmp_path):
    return mm.embed_texts([f"word{i} and word{i + 1}" for i in range(100)], model="local", cache=tmp_path)


def test_scores_come_in_the_order_of_rows_and_are_cached(emb):
    mine, usage = SharedWords(), Usage()

    first = emb.rerank("word3 and", model=mine)
    again = emb.rerank("word3 and", [3, 50], model=mine, usage=usage)

    assert first[[2, 3, 50]].tolist() == [2 / 3, 2 / 3, 1 / 3]
    assert again.tolist() == [2 / 3, 1 / 3]
    assert [len(contents) for _, contents in mine.asked] == [64, 36]
    assert usage == {"cached": 2, "computed": 0, "equal": 0}


def test_another_revision_is_asked_anew(emb):
    old, new = SharedWords(), SharedWords()
    new.revision = "2"

    emb.rerank("word3", [1, 2], model=old)
    emb.rerank("word3", [1, 2], model=new)

    assert len(new.asked) == 1


def test_equal_items_and_equal_queries_are_scored_once(tmp_path):
    emb, mine = mm.embed_texts(["a b", "a b", "c"], model="local", cache=tmp_path), SharedWords()

    found = emb.rerank(["a", "a"], model=mine)

    assert found.tolist() == [[1 / 3, 1 / 3, 0.0]] * 2
    assert mine.asked == [("a", ["a b", "c"])]


@pytest.mark.parametrize(
    ("rows", "shape"),
    [(None, (2, 100)), ([5], (2, 1)), ([[1, 2, 3], [4, 5, 6]], (2, 3)), (np.arange(100) < 4, (2, 4)), ([-1], (2, 1))],
)
def test_rows_may_be_given_in_every_usual_way(emb, rows, shape):
    assert emb.rerank(["word1", "word2"], rows, model=SharedWords()).shape == shape


@pytest.mark.parametrize("rows", [[], [100], [-101], [0.5], [[1, 2]], [[[1]]], ["a"]])
def test_rows_that_are_none_are_refused(emb, rows):
    with pytest.raises(ValueError, match="rows must be row numbers below 100"):
        emb.rerank(["word1", "word2"], rows, model=SharedWords())


@pytest.mark.parametrize("score", [0.0, -3.5, 1 / 3, 1e-20, 123456789.123456789, 0.9334521178273885, 5e-324])
def test_a_score_comes_back_from_the_cache_to_the_last_bit(score):
    back = scores_of(vector_of_score(score)[None])[0]

    assert back == score if abs(score) > 1e-30 or not score else back == 0.0


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (lambda contents: [1.0], ProtocolError, r"of shape \(1,\) for 64 items"),
        (lambda contents: ["high"] * len(contents), ProtocolError, "<U4"),
        (lambda contents: [np.nan] + [1.0] * (len(contents) - 1), EmbeddingError, "expected a finite score, got nan"),
        (lambda contents: 1 / 0, ProviderError, "ZeroDivisionError"),
    ],
)
def test_a_wrong_answer_is_named(emb, monkeypatch, answer, error, message):
    monkeypatch.setattr(SharedWords, "score", lambda self, query, contents: answer(contents))

    with pytest.raises(error, match=message):
        emb.rerank("word3", model=SharedWords())


def test_an_item_that_it_refuses_is_named_and_the_others_are_kept(emb, monkeypatch):
    honest = SharedWords.score

    def picky(self, query, contents):
        if any("word7 " in c.text for c in contents):
            msg = "seven is not my number"
            raise UnsupportedItemError(msg)
        return honest(self, query, contents)

    monkeypatch.setattr(SharedWords, "score", picky)
    mine = SharedWords()

    with pytest.raises(EmbeddingError, match=r"1 of 100 .*row 7, id '7'.*seven is not my number.*The other 99"):
        emb.rerank("word3", model=mine)

    mine.asked.clear()
    emb.rerank("word3", [i for i in range(100) if i != 7], model=mine)
    assert not mine.asked


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": ""}, ValueError, "the name of a reranker"),
        ({"revision": None}, ValueError, "the revision of a reranker .* got None"),
    ],
)
def test_a_reranker_without_a_name_or_revision_is_refused(emb, change, error, message):
    mine = SharedWords()
    vars(mine).update(change)

    with pytest.raises(error, match=message):
        emb.rerank("word3", model=mine)


@pytest.mark.parametrize("wrong", [3, SharedWords, mm.DashScope("multimodal-embedding-v1")])
def test_what_is_no_reranker_is_refused(emb, wrong):
    with pytest.raises(TypeError, match=r"an object of a class derived from mm\.Reranker"):
        emb.rerank("word3", model=wrong)


@pytest.mark.parametrize(
    ("query", "error"), [(3, TypeError), ([1.0, 2.0], TypeError), ([], ValueError), (None, TypeError)]
)
def test_a_query_that_is_no_content_is_refused(emb, query, error):
    with pytest.raises(error, match=r"the query is empty|query 0 is"):
        emb.rerank(query, model=SharedWords())


def test_a_kind_that_it_does_not_take_is_refused(emb):
    with pytest.raises(EmbeddingError, match=r"the query cannot be reranked: .*takes no image, only text"):
        emb.rerank(mm.Image(np.zeros((9, 9, 3), np.uint8)), model=SharedWords())


def test_items_without_content_are_named():
    emb = mm.Embeddings(np.eye(3))

    with pytest.raises(ValueError, match=r"3 of 3 items have no content, first: id '0'; .*mm.Embeddings\(X, items="):
        emb.rerank("word3", model=SharedWords())


def test_vectors_of_your_own_with_items_can_be_reranked():
    emb = mm.Embeddings(np.eye(2), items=mm.items({"text": ["a b", "c"]}))

    assert emb.rerank("a", model=SharedWords()).tolist() == [1 / 3, 0.0]


def test_one_line_says_that_items_leave_the_machine_only_when_they_do(emb, capsys):
    mine = SharedWords()
    mine.leaves_machine = True

    emb.rerank("word3", [1, 2], model=mine)
    emb.rerank("word3", [1, 2], model=mine)
    emb.rerank("word3", [3], model=SharedWords())

    assert capsys.readouterr().out.splitlines() == [
        "mmtoolkit: reranking with 'shared-words'; the query and 2 items are sent to the service behind 'shared-words'"
    ]
