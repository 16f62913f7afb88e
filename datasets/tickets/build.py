"""Build the data set tickets from the changelog in Debian's python3.11-doc package (CPython 3.5 to 3.11).

    apt-get download python3.11-doc && dpkg-deb -x python3.11-doc_*.deb doc
    python build.py doc/usr/share/doc/python3.11/html/whatsnew/changelog.html.gz OUT [PER_LABEL]

PER_LABEL (default 240) entries of each area are drawn with a fixed seed, all of an area that has fewer (0 takes all); of an issue that
stands there more than once the oldest entry counts. Names of people who sent a patch are cut off.
"""

import csv
import gzip
import os
import random
import re
import sys
from collections import Counter, defaultdict
from html.parser import HTMLParser

AREAS = {
    "Build": ("build", "构建"),
    "C API": ("c api", "C 接口"),
    "Core and Builtins": ("core", "核心与内置"),
    "Documentation": ("documentation", "文档"),
    "IDLE": ("idle", "IDLE 编辑器"),
    "Library": ("library", "标准库"),
    "macOS": ("macos", "macOS"),
    "Security": ("security", "安全"),
    "Tests": ("tests", "测试"),
    "Tools/Demos": ("tools", "工具与示例"),
    "Windows": ("windows", "Windows"),
}
ISSUE = re.compile(r"^(?:bpo|gh)-\d+: ")
SENTENCES = re.compile(r"(?<=[.!]) | (?=\()")
CREDIT = re.compile(r"^\(?(?:\w+ )?[Pp]atch(?:ed|es)? |^\(?Contributed|^Thanks|\b(?:by|from) [A-Z]\w+ [A-Z]\w+\W*$")


class Changelog(HTMLParser):
    """Collects (release, date, area, text) of every entry."""

    def __init__(self):
        super().__init__()
        self.found, self.heading, self.kept, self.depth, self.skipped = [], {}, None, 0, 0

    def handle_starttag(self, tag, attrs):
        if tag in ("h2", "h3", "em") and self.depth == 0:
            self.kept = (tag, [])
        elif tag == "li" and "Area" in self.heading:
            self.depth += 1
            self.kept = ("li", []) if self.depth == 1 else self.kept
        elif tag == "a" and ("class", "headerlink") in attrs:
            self.skipped = 1

    def handle_data(self, data):
        if self.kept and not self.skipped:
            self.kept[1].append(data)

    def handle_endtag(self, tag):
        self.skipped = 0 if tag == "a" else self.skipped
        if tag == "li" and "Area" in self.heading:
            self.depth -= 1
        if not self.kept or self.kept[0] != tag or self.depth:
            return
        said, self.kept = re.sub(r"\s+", " ", "".join(self.kept[1])).strip(), None
        if tag == "h2":
            self.heading = {"Release": said.removeprefix("Python ")}
        elif tag == "em" and self.heading and said.startswith("Release date: "):
            self.heading["Date"] = said.removeprefix("Release date: ")
        elif tag == "h3" and "Date" in self.heading:
            self.heading["Area"] = said
        elif tag == "li":
            self.found.append((self.heading["Release"], self.heading["Date"], self.heading["Area"], said))


def main(page, out, per_label=240):
    reader = Changelog()
    reader.feed(gzip.open(page, "rt", encoding="utf8").read())
    groups, seen = defaultdict(list), set()
    for release, date, area, said in sorted(reader.found, key=lambda entry: entry[1]):
        issue = ISSUE.match(said)
        sentences = SENTENCES.split(said[issue.end() :]) if issue else []
        text = " ".join(sentence for sentence in sentences if not CREDIT.search(sentence))
        number = issue[0][:-2] if issue else ""
        if number in seen or not 25 <= len(text) <= 500:
            continue
        seen.add(number)
        label, label_zh = AREAS[area]
        row = dict(id=number, modality="text", text=text, image="", video="", label=label)
        groups[label].append(row | dict(text_zh="", label_zh=label_zh, date=date, release=release))
    rnd, rows = random.Random(7), []
    for label in sorted(groups):
        rows += rnd.sample(groups[label], min(per_label or 10**9, len(groups[label])))
    rows.sort(key=lambda row: (row["date"], row["id"]))
    with open(os.path.join(out, "metadata.csv"), "w", newline="", encoding="utf8") as fh:
        w = csv.DictWriter(fh, fieldnames=list(rows[0]), lineterminator="\n")
        w.writeheader()
        w.writerows(rows)
    print(len(rows), Counter(r["label"] for r in rows))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 240)
