"""Build the word lists that name clusters, from WordNet, the emoji set and the offline model's own Chinese words.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wn
    python benchmarks/build_vocabularies.py wn/usr/share/wordnet

nouns.tsv: nouns whose most frequent sense can be seen (animal, artifact, body, food, object, person, phenomenon, place,
plant, substance) and was met three times or more in WordNet's tagged texts, and names of emoji that are such nouns. Nouns for people come from the emoji only: the rest judges.
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
MIN_COUNT = 3
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
    """Return {noun: lexicographer files of its senses}."""
    found = {}
    for line in (folder / "data.noun").read_text("utf-8").splitlines():
        if line.startswith("  "):
            continue
        head = line.split(" | ")[0].split()
        for i in range(int(head[3], 16)):
            found.setdefault(head[4 + 2 * i].replace("_", " "), set()).add(int(head[1]))
    return found


def main(folder):
    with (ROOT / "datasets" / "emoji" / "metadata.csv").open(encoding="utf-8", newline="") as lines:
        emoji = {row["text"]: row["text_zh"] for row in csv.DictReader(lines)}
    own = {}
    for line in (ROOT / "mmtoolkit/providers/local/weights/chinese_words.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            chinese, english = line.split("\t")
            best = own.get(english.split(",")[0].strip())
            if best is None or len(best) != 2 <= len(chinese):  # two characters say it best
                own[english.split(",")[0].strip()] = chinese
    names = all_nouns(folder)
    nouns = {w for w, (lex, count) in first_senses(folder).items() if lex in SEEN - {PERSON} and count >= MIN_COUNT}
    nouns |= {w for w in {*emoji, *own} if names.get(w, set()) & SEEN and w in emoji}
    nouns = {w for w in nouns if w.replace(" ", "").replace("-", "").isalpha() and len(w) > 2 and w not in RUDE}
    OUT.mkdir(exist_ok=True)
    head = "# WordNet 3.0 nouns (WordNet licence); Chinese from Unicode CLDR by way of emojibase-data, and our own\n"
    rows = [f"{word}\t{emoji.get(word) or own.get(word, '')}\n" for word in sorted(nouns)]
    (OUT / "nouns.tsv").write_text(head + "".join(rows), "utf-8")
    head = "# Names of emoji from Unicode CLDR (Unicode License v3) by way of emojibase-data (MIT)\n"
    (OUT / "emoji.tsv").write_text(head + "".join(f"{en}\t{zh}\n" for en, zh in sorted(emoji.items())), "utf-8")
    print(f"nouns {len(rows)}, with Chinese {sum(not r.endswith(chr(9) + chr(10)) for r in rows)}; emoji {len(emoji)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
