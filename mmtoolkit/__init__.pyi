"""The public names: this list is read at run time, too, so that there is one."""

from mmtoolkit import protocols as protocols
from mmtoolkit import spark as spark
from mmtoolkit.cache import EmbeddingCache as EmbeddingCache
from mmtoolkit.classification import classify as classify
from mmtoolkit.classification import load_classifier as load_classifier
from mmtoolkit.classification.auditing import audit as audit
from mmtoolkit.classification.comparison import compare as compare
from mmtoolkit.classification.new_data import check_new as check_new
from mmtoolkit.classification.prompted import zero_shot as zero_shot
from mmtoolkit.clustering import cluster as cluster
from mmtoolkit.clustering.picking import pick as pick
from mmtoolkit.content import Fused as Fused
from mmtoolkit.content import Image as Image
from mmtoolkit.content import Text as Text
from mmtoolkit.content import Video as Video
from mmtoolkit.embedding import Embeddings as Embeddings
from mmtoolkit.embedding import concat as concat
from mmtoolkit.embedding import embed as embed
from mmtoolkit.embedding import embed_images as embed_images
from mmtoolkit.embedding import embed_texts as embed_texts
from mmtoolkit.embedding import embed_videos as embed_videos
from mmtoolkit.embedding.costs import estimate as estimate
from mmtoolkit.embedding.transformer import Embedder as Embedder
from mmtoolkit.errors import MMToolkitError as MMToolkitError
from mmtoolkit.explorer import explore as explore
from mmtoolkit.folders import read_folder as read_folder
from mmtoolkit.frames import items as items
from mmtoolkit.frames import load_dataset as load_dataset
from mmtoolkit.models import ModelSpec as ModelSpec
from mmtoolkit.models import get_model as get_model
from mmtoolkit.models import list_models as list_models
from mmtoolkit.models import register_model as register_model
from mmtoolkit.projection import project as project
from mmtoolkit.providers.base import Provider as Provider
from mmtoolkit.providers.dashscope import DashScope as DashScope
from mmtoolkit.providers.dashscope import DashScopeRerank as DashScopeRerank
from mmtoolkit.providers.function import FunctionProvider as FunctionProvider
from mmtoolkit.providers.openai_compatible import OpenAICompatible as OpenAICompatible
from mmtoolkit.providers.reranker import Reranker as Reranker
from mmtoolkit.reporting import report as report
from mmtoolkit.retrieval import evaluate_search as evaluate_search
from mmtoolkit.retrieval import near_duplicates as near_duplicates
from mmtoolkit.retrieval import search as search
from mmtoolkit.retrieval import similarity as similarity
from mmtoolkit.verification import diff as diff
from mmtoolkit.verification import verify as verify

__version__: str
__all__: list[str]
