"""Build the word lists that name clusters, from WordNet, the emoji set and the offline model's own Chinese words.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wn
    python benchmarks/build_vocabularies.py wn/usr/share/wordnet

nouns.tsv: nouns whose most frequent sense can be seen (animal, artifact, body, food, object, person, phenomenon, place,
plant, substance) and was met eight times or more in WordNet's tagged texts, and names of emoji that are such nouns. One
word each ("hat", not "top hat": the special ones win by chance where the general one is right), no names of persons and
places, and none that no picture shows (UNSEEN); words for whole kinds are added (KINDS). Nouns for people come from the
emoji only: the rest judges. Chinese that nouns.tsv has is kept: it was read by a person.
emoji.tsv: names of emoji. Second column: simplified Chinese, where one of the sources has it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OUT = ROOT / "mmtoolkit" / "clustering" / "words"
PERSON = 18
SEEN = {5, 6, 8, 13, 15, 17, PERSON, 19, 20, 27}
MIN_COUNT = 8
KINDS = (
    "animal bird reptile insect fish mammal plant tree flower vegetable fruit food dessert drink container toy tool weapon "
    "vehicle building furniture clothing jewelry tableware money coin sign symbol number letter arrow game sport music "
    "computer phone book map chart person people family forest sky planet shape"
)
UNSEEN = (
    "active aerator aerosol agent agglutinin air albumin anaconda andrena anode antibody antigen apparatus arc area "
    "arms back bottom bronchiole brow buckskin buffer builder bumblebee bunk cathode cell center chlorine collage "
    "concrete conjugate consequence corridor county cover crest cure current diet direction dirt district doorway "
    "downtown drug dwelling edge effect effluent electron end energy entrance etcetera exchange facility fallout feed "
    "female fiber flesh fluid fluorescence formulation fraction front gadget goods haze heat helium hell hills holder "
    "horizon hypothalamus impurity interior iodine ion lap layer left load manifold material micelle micrometeorite "
    "middle mine mineral mist mixture molecule musket neighborhood nucleus opium orbit organ origin oxygen pansy "
    "particle pbs pegboard phosphate piece place plug porch position pressure product protein radar radiation rag "
    "realism recording region residence response result roadway route saline scene serum sewage shear sheet side site "
    "slope solid solution source spectrum spot state steps strip structure subsection supper surface sweat system "
    "theatre thyroglobulin thyroid thyroxine tip tissue top total transducer trend tsh universe voltage well "
    "workbench"
)
RUDE = {"nude", "corpse", "bosom", "buttocks", "breast", "penis", "crotch"}


def first_senses(folder):
    """Return {noun: (lexicographer file, tagged count)} of the first sense of every noun."""
    found = {}
    for line in (folder / "cntlist.rev").read_text("utf-8").splitlines():
        key, sense, count = line.split()
        lemma, rest = key.split("%")
        if rest.startswith("1:") and sense == "1":
            found[lemma.replace("_", " ")] = (int(rest.split(":")[1]), int(count))
    return found


def all_nouns(folder):
    """Return {noun: lexicographer files of its senses}, and the nouns that name one person, place or thing."""
    found, names = {}, set()
    for line in (folder / "data.noun").read_text("utf-8").splitlines():
        if line.startswith("  "):
            continue
        head = line.split(" | ")[0].split()
        for i in range(int(head[3], 16)):
            found.setdefault(head[4 + 2 * i].replace("_", " "), set()).add(int(head[1]))
            if "@i" in head:
                names.add(head[4 + 2 * i].replace("_", " ").lower())
    return found, names


def main(folder):
    with (ROOT / "datasets" / "emoji" / "metadata.csv").open(encoding="utf-8", newline="") as lines:
        emoji = {row["text"]: row["text_zh"] for row in csv.DictReader(lines)}
    kept = dict(line.split("\t") for line in (OUT / "nouns.tsv").read_text("utf-8").splitlines()[1:])
    own = {}
    for line in (ROOT / "mmtoolkit/providers/local/weights/chinese_words.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            chinese, english = line.split("\t")
            best = own.get(english.split(",")[0].strip())
            if best is None or len(best) != 2 <= len(chinese):  # two characters say it best
                own[english.split(",")[0].strip()] = chinese
    senses, proper = all_nouns(folder)
    nouns = {w for w, (lex, count) in first_senses(folder).items() if lex in SEEN - {PERSON} and count >= MIN_COUNT}
    nouns |= {w for w in {*emoji, *own} if senses.get(w, set()) & SEEN and w in emoji}
    nouns = {w for w in nouns if w in emoji or w not in proper | set(UNSEEN.split())} | set(KINDS.split())
    nouns = {w for w in nouns if w.replace("-", "").isalpha() and len(w) > 2 and w not in RUDE}
    OUT.mkdir(exist_ok=True)
    head = "# WordNet 3.0 nouns (WordNet licence); Chinese from Unicode CLDR by way of emojibase-data, and our own\n"
    rows = [f"{word}\t{kept.get(word) or emoji.get(word) or own.get(word, '')}\n" for word in sorted(nouns)]
    (OUT / "nouns.tsv").write_text(head + "".join(rows), "utf-8")
    head = "# Names of emoji from Unicode CLDR (Unicode License v3) by way of emojibase-data (MIT)\n"
    (OUT / "emoji.tsv").write_text(head + "".join(f"{en}\t{zh}\n" for en, zh in sorted(emoji.items())), "utf-8")
    print(f"nouns {len(rows)}, with Chinese {sum(not r.endswith(chr(9) + chr(10)) for r in rows)}; emoji {len(emoji)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
