"""``Embeddings.rerank``: what is asked, and what is said of questions, rows and items that cannot be scored."""

import numpy as np
import pytest

import mmtoolkit as mm
from mmtoolkit.embedding.usage import Usage
from mmtoolkit.errors import EmbeddingError
from mmtoolkit.providers.reranker import only_cached


class Letters(mm.Reranker):
    """Counts shared letters of texts; knows no digits."""

    name, revision, leaves_machine = "letters", "1", False
    takes = frozenset({"text"})

    def score(self, query, contents):
        if any(content.text.isdigit() for content in contents):
            msg = "digits"
            raise ValueError(msg)
        return [len(set(query.text) & set(content.text)) for content in contents]


class Sent(Letters):
    """The same, elsewhere."""

    leaves_machine = True


@pytest.fixture
def emb(tmp_path):
    return mm.embed_texts(["abc", "cde", "123", "xyz"], model="local", cache=tmp_path)


def test_several_questions_have_a_row_each_and_are_paid_for_once(emb):
    usage = Usage()

    scores = emb.rerank(["ab", mm.Text("cd")], [0, -1], model=Letters(), usage=usage)
    again = emb.rerank("ab", emb.ids == "0", model=Letters(), usage=usage)

    assert scores.tolist() == [[2.0, 0.0], [1.0, 0.0]]
    assert again.tolist() == [2.0]
    assert (usage["computed"], usage["cached"]) == (4, 1)


@pytest.mark.parametrize(
    ("query", "rows", "error", "message"),
    [
        ([], None, ValueError, "the query is empty"),
        (3, None, TypeError, "query 0 is int; a reranker reads the query itself"),
        ("a", [4], ValueError, "rows must be row numbers below 4"),
        ("a", [], ValueError, "rows must be row numbers below 4"),
        (["a", "b"], [[0]], ValueError, r"of shape \(n_rows,\) or \(2, n_rows\)"),
        (mm.Image(b"no text"), None, EmbeddingError, "the query cannot be reranked: .*takes no image"),
        (" ", None, EmbeddingError, "the query cannot be reranked: .*blank"),
        (
            "a",
            None,
            EmbeddingError,
            "1 of 4 items could not be scored by 'letters': .*digits.* The other 3 scores are cached",
        ),
        (["a", "b"], [2, 0], EmbeddingError, "2 of 4 pairs of query and item could not be scored"),
    ],
)
def test_what_cannot_be_scored_is_named(emb, query, rows, error, message):
    with pytest.raises(error, match=message):
        emb.rerank(query, rows, model=Letters())


def test_vectors_without_items_cannot_be_read():
    with pytest.raises(ValueError, match="2 of 2 items have no content, first: id '0'"):
        mm.Embeddings(np.eye(2)).rerank("a", model=Letters())


def test_who_checks_a_report_asks_nobody(emb):
    with only_cached(), pytest.raises(EmbeddingError, match="1 of 1 scores by 'letters@1' are not in the cache"):
        emb.rerank("a", [0], model=Letters())


def test_what_leaves_the_machine_is_told_once(emb, capsys):
    emb.rerank(["ab", "cd"], [0, 1], model=Sent())
    emb.rerank("ab", [0, 1], model=Sent())

    said = "".join(capsys.readouterr())
    assert said.count("mmtoolkit: reranking with 'letters'; 2 queries and 2 items are sent to") == 1
