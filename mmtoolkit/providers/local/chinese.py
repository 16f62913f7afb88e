"""Chinese as words that have vectors: known ones as they are, others in the English of CC-CEDICT."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from mmtoolkit import _cedict
from mmtoolkit.providers.local.loading import WEIGHTS, once

__all__ = ["HAN", "Dictionary", "dictionary", "dictionary_files"]

HAN = re.compile("[\u3400-\u9fff]")
_NO_GLOSS = re.compile(
    r"variant of|^see |surname|^CL:|abbr\. for|used in|erhua|also written|classifier for|radical|\bpr\. "
)
_RUDE = re.compile(
    r"\([^)]*(vulgar|slang|derog|dialect|archaic|coarse|taboo|old)[^)]*\)"
    r"|penis|vagina|breasts?\b|fuck|prostitut|brothel|whore|genital|\bsex|semen\b|\banus|buttocks|\bass\b|\bshit|bastard|bitch",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]|\b(sb|sth|etc|one's|oneself)\b|\.\.\.|…")
_ARTICLE = re.compile(r"^(to be|to|an?|the) ")
_SHORT = 3  # words of a gloss that say a thing as one would say it
_SENTENCE_MARKS = str.maketrans({"。": ". ", "、": ", ", **dict.fromkeys("《》「」『』【】〈〉“”‘’·—～", " ")})
_PARTICLES = frozenset(  # left out where anything else is said
    "的了是一个条在有和也不就都把被您你我他她它们这那着过吧吗呢啊些张位种子儿只朵匹辆棵艘呀啦嘛哦喔哈哎唉哒噢嗯得与或但而且要想会能可该应"
    "给帮请让叫对从到向往为以于由之其所很太真好最更挺还又再才刚正已里上下中内外来去几多每各某"
)
_SMALL_WORDS = (
    "我们 你们 他们 她们 咱们 大家 自己 有没有 是不是 能不能 可不可以 可以 能够 应该 想要 看看 看到 看见 找到 帮忙 麻烦 一下 一些 一点 一种 "
    "一个 这个 那个 这些 那些 这种 那种 这样 那样 这里 这儿 那里 那儿 哪里 哪儿 哪个 哪些 什么 怎么 怎样 怎么样 为什么 多少 几个 就是 还是 "
    "但是 可是 因为 所以 如果 虽然 而且 或者 以及 关于 对于 非常 十分 比较 真的 好像 已经 正在 刚才 一直 一起 一样 的话 觉得 来自 里面 上面 "
    "下面 之类 一张 几张 有点 起来"
)
_PHRASES = frozenset(_SMALL_WORDS.split())
_COUNTS = frozenset("一二两三四五六七八九十百千万几这那哪每某半")
_CLASSIFIERS = frozenset("头块片座双根支枚台件顶套副串份名本把杯碗瓶盒包袋家口幅场堆群")  # also nouns
_LONGEST = 8  # characters of a dictionary word worth looking for
_RARE = 50_000  # rank of a word that is not among the common ones
_FIRST = 2.5  # minus the logarithm of how often the commonest word comes


def dictionary_files() -> tuple[Path, ...]:
    """Return the files that glosses depend on: the dictionary, our own words, and common words."""
    return _cedict.path(), WEIGHTS / "chinese_words.tsv", WEIGHTS / "chinese_common.txt"


class Dictionary:
    """Cuts Chinese into its likeliest words and glosses them with CC-CEDICT, only well enough to feed word vectors.

    Parameters
    ----------
    definitions : mapping of str to list of str
        CC-CEDICT's definitions by Chinese word, traditional and simplified.
    own : mapping of str to str
        English by Chinese word; goes before the definitions.
    simplified : mapping of int to str, optional
        Simplified characters by the code of traditional ones.
    common : sequence of str, optional
        Simplified words, the commonest first; the n-th is taken to be n times as rare as the first (Zipf's law).
    """

    def __init__(
        self,
        definitions: Mapping[str, Sequence[str]],
        own: Mapping[str, str],
        simplified: Mapping[int, str] = MappingProxyType({}),
        common: Sequence[str] = (),
    ) -> None:
        self._definitions, self._simplified = definitions, simplified
        self._glosses: dict[str, tuple[str, ...]] = {word: (gloss,) for word, gloss in own.items()}
        self._common = {word: rank for rank, word in enumerate(common, 1)}
        self._kept = self._common.keys() - own.keys()

    def look_up(self, word: str) -> tuple[str, ...]:
        """Return at most two English glosses of a Chinese word, short ones first; none if it is unknown."""
        if word not in self._glosses:
            if word not in self._definitions:
                return ()
            found = (gloss for text in self._definitions[word] for gloss in _plain_glosses(text))
            first = list(itertools.islice(dict.fromkeys(found), 4))
            self._glosses[word] = tuple(sorted(first, key=lambda gloss: len(gloss.split()) > _SHORT)[:2])
        return self._glosses[word]

    def gloss(self, text: str, *, keep: bool = False) -> str:
        """Return `text` with its Chinese words replaced by English glosses; with `keep`, common words only set apart."""
        words = list(self._words(text))
        simple = [word.translate(self._simplified) for word in words]
        before = itertools.chain([""], simple)
        says_little = [
            _is_particle(word) or _is_count(last[-1:] + word) for word, last in zip(simple, before, strict=False)
        ]
        telling = [
            pair for pair, little in zip(zip(words, simple, strict=True), says_little, strict=True) if not little
        ]
        if not any(HAN.match(word) for word, _ in telling):  # a particle alone is better than nothing
            telling = list(zip(words, simple, strict=True))
        pieces = []
        for word, plain in telling:
            if keep and plain in self._kept:
                pieces.append(f" {plain} ")
            else:
                pieces.append(f" {', '.join(self.look_up(word))} " if HAN.match(word) else word)
        return "".join(pieces).translate(_SENTENCE_MARKS).strip() or text

    def _words(self, text: str) -> list[str]:
        """Cut `text` into its likeliest words, simplified if only so known, and single other characters."""
        simple = text.translate(self._simplified)
        best: list[tuple[float, str]] = [(0.0, "")]  # the likelihood of the last n characters, and their first word
        for start in range(len(text) - 1, -1, -1):
            longest = min(_LONGEST, len(text) - start) if HAN.match(text[start]) else 1
            ways = []
            for size in range(1, longest + 1):
                plain = simple[start : start + size]
                forms = (text[start : start + size], plain)
                word = next((form for form in forms if self._is_word(form)), text[start] if size == 1 else "")
                if word:
                    ways.append((best[-size][0] - math.log(self._common.get(plain, _RARE)) - _FIRST, word))
            best.append(max(ways, key=lambda way: way[0]))
        words, left = [], len(text)
        while left:
            words.append(best[left][1])
            left -= len(words[-1])
        return words

    def _is_word(self, form: str) -> bool:
        return not _is_count(form) and (form in self._common or bool(self.look_up(form)))


def _is_particle(word: str) -> bool:
    return word in _PARTICLES or word in _PHRASES


def _is_count(word: str) -> bool:
    """Return whether `word` is a number with a measure word, which says what kind of thing is counted."""
    return len(word) == 2 and word[0] in _COUNTS and (word[1] in _CLASSIFIERS or word[1] in _PARTICLES)


def _plain_glosses(definitions: str) -> Iterator[str]:
    for definition in definitions.strip("/\n").split("/"):
        if not _NO_GLOSS.search(definition) and not _RUDE.search(definition):
            for part in _ASIDE.sub("", definition).split(";"):
                gloss = _ARTICLE.sub("", " ".join(part.split()).strip(" ;,?!"))
                if gloss and not HAN.search(gloss):
                    yield gloss


@once
def dictionary() -> Dictionary:
    """Read CC-CEDICT, our own words over it, and common words, once per process."""
    definitions: dict[str, list[str]] = {}
    traditional: dict[str, set[str]] = {}
    simplified: dict[int, str] = {}
    for full, simple, text in _cedict.entries():
        traditional.setdefault(simple, set()).add(full)
        for key in {full, simple}:
            definitions.setdefault(key, []).append(text)
        if len(full) == 1 and full != simple:
            simplified.setdefault(ord(full), simple)
    _, words, common = dictionary_files()
    lines = words.read_text("utf-8").splitlines()
    own = dict(line.split("\t") for line in lines if not line.startswith("#"))
    for word in list(own):
        forms = traditional.get(word, set())
        if len(forms) == 1:  # several traditional forms are words of their own: CC-CEDICT tells them apart
            own.setdefault(forms.pop(), own[word])
    return Dictionary(definitions, own, simplified, common.read_text("utf-8").splitlines())
