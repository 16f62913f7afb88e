"""Search by meaning across modalities, near duplicates, similarity, and how well search works."""

from mmtoolkit.retrieval.duplicates import DuplicateResult, near_duplicates
from mmtoolkit.retrieval.evaluation import SearchEvaluation, evaluate_search
from mmtoolkit.retrieval.find import SearchResult, search
from mmtoolkit.retrieval.similar import SimilarityResult, similarity

__all__ = [
    "DuplicateResult",
    "SearchEvaluation",
    "SearchResult",
    "SimilarityResult",
    "evaluate_search",
    "near_duplicates",
    "search",
    "similarity",
]
