"""The offline model's way from texts to vectors: word vectors, and a dictionary for Chinese."""

from __future__ import annotations

import functools
import itertools
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from mmtoolkit import _cedict
from mmtoolkit.vectors import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WEIGHTS", "Dictionary", "WordVectors", "dictionary", "once", "text_files", "word_vectors"]

WEIGHTS = Path(__file__).with_name("weights")
_HAN = re.compile("[\u3400-\u9fff]")
_NO_GLOSS = re.compile(
    r"variant of|^see |surname|^CL:|abbr\. for|used in|erhua|also written|classifier for|radical|\bpr\. "
)
_RUDE = re.compile(
    r"\([^)]*(vulgar|slang|derog|dialect|archaic|coarse|taboo|old)[^)]*\)"
    r"|penis|vagina|breasts?\b|fuck|prostitut|brothel|whore|genital|\bsex|semen\b|\banus|buttocks|\bass\b|\bshit|bastard|bitch",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]")
_PARTICLES = frozenset(
    "的了是一只個个條条在有和也不就都把被您你我他她它们這这那着过吧吗呢啊头些张块位片座种子儿朵匹辆棵艘"
)
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


def _wordllama_folder() -> Path:
    """Return the folder of the package without importing it: its import sets up the root logger."""
    spec = find_spec("wordllama")
    if spec is None or not spec.submodule_search_locations:
        msg = "the offline model needs wordllama, which mmtoolkit installs: pip install --upgrade mmtoolkit"
        raise ModuleNotFoundError(msg, name="wordllama")
    return Path(spec.submodule_search_locations[0])


def text_files() -> tuple[Path, ...]:
    """Return the files that text vectors depend on: word vectors, tokenizer, dictionary, our own words."""
    wordllama = _wordllama_folder()
    return (
        wordllama / "weights" / "l2_supercat_256.safetensors",
        wordllama / "tokenizers" / "l2_supercat_tokenizer_config.json",
        _cedict.path(),
        WEIGHTS / "chinese_words.tsv",
    )


class Dictionary:
    """Glosses Chinese by longest match with CC-CEDICT, only well enough to feed word vectors.

    Parameters
    ----------
    definitions : mapping of str to list of str
        CC-CEDICT's definitions by Chinese word, traditional and simplified.
    own : mapping of str to str
        English by Chinese word; goes before the definitions.
    """

    def __init__(self, definitions: Mapping[str, Sequence[str]], own: Mapping[str, str]) -> None:
        self._definitions = definitions
        self._glosses: dict[str, tuple[str, ...]] = {word: (gloss,) for word, gloss in own.items()}

    def look_up(self, word: str) -> tuple[str, ...]:
        """Return at most two English glosses of a Chinese word; none if it is unknown."""
        if word not in self._glosses:
            found = (gloss for text in self._definitions.get(word, ()) for gloss in _plain_glosses(text))
            self._glosses[word] = tuple(itertools.islice(found, 2))
        return self._glosses[word]

    def gloss(self, text: str) -> str:
        """Return `text` with its Chinese words replaced by English glosses."""
        words = list(self._words(text))
        telling = [word for word in words if not _is_particle(word)]
        if not any(map(_HAN.match, telling)):  # a particle alone is better than nothing
            telling = words
        pieces = [f" {', '.join(self.look_up(word))} " if _HAN.match(word) else word for word in telling]
        return "".join(pieces).strip() or text

    def _words(self, text: str) -> Iterator[str]:
        """Cut `text` into the longest known Chinese words and single other characters."""
        start = 0
        while start < len(text):
            longest = _LONGEST if _HAN.match(text[start]) else 1
            size = next((n for n in range(longest, 1, -1) if self.look_up(text[start : start + n])), 1)
            yield text[start : start + size]
            start += size


def _is_particle(word: str) -> bool:
    return word in _PARTICLES or (len(word) == 2 and word[0] in "一两" and word[1] in _PARTICLES)


def _plain_glosses(definitions: str) -> Iterator[str]:
    for definition in definitions.strip("/\n").split("/"):
        if not _NO_GLOSS.search(definition) and not _RUDE.search(definition):
            gloss = _ASIDE.sub("", definition).strip(" ;,")
            if gloss and not _HAN.search(gloss):
                yield gloss


@once
def dictionary() -> Dictionary:
    """Read CC-CEDICT and our own words over it, once per process."""
    definitions: dict[str, list[str]] = {}
    traditional: dict[str, set[str]] = {}
    for full, simple, text in _cedict.entries():
        traditional.setdefault(simple, set()).add(full)
        for key in {full, simple}:
            definitions.setdefault(key, []).append(text)
    own = dict(
        line.split("\t") for line in text_files()[-1].read_text("utf-8").splitlines() if not line.startswith("#")
    )
    for word in list(own):
        forms = traditional.get(word, set())
        if len(forms) == 1:  # several traditional forms are words of their own: CC-CEDICT tells them apart
            own.setdefault(forms.pop(), own[word])
    return Dictionary(definitions, own)


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
