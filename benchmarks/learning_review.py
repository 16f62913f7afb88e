"""What the review that learns is worth: labels it takes, its live score, and when it says that more will hardly help.

    python benchmarks/learning_review.py labels [--sets stamps,emoji] [--seeds 50]
    python benchmarks/learning_review.py live [--sessions 1000]
    python benchmarks/learning_review.py settled [--sets stamps,emoji,glosses] [--seeds 10]

labels: a session answers with the true classes; its classifier is scored on a third of the items that no session sees.
Beside it, from the same seed, a session that draws every item at random; there all answers train, here one in six is set
aside for the live score and counts as a label. `ratio` is of the mean numbers of labels after which the accuracy is reached
(twice running, looked at after every fourth label), with the upper 95 % limit of the paired mean of ratios.
live: a person stops as soon as the score looks good, or else after 180 answers; counts how often the interval that they saw
then holds the accuracy of that classifier on 4,000 new items of the same kind. Simulated classes, so that sessions are cheap.
settled: at the first "more answers will hardly help", the gain of the next 50 labels on the items apart.
Seeds below 1000 judge; the method was chosen on 1000 and above (`--first 1000`).
"""

from __future__ import annotations

import argparse
import json

import numpy as np

import mmtoolkit as mm
from mmtoolkit.explorer.annotations import AUDIT, Annotations, Verdict
from mmtoolkit.explorer.learner import CHECKS, Learner

GOALS = {"stamps": 0.65, "emoji": 0.60, "glosses": 0.50}
STEP, MOST, MORE = 4, 320, 50


class Session:
    """Items with known classes, a learner, and one answer after the other."""

    def __init__(self, X, y, seed, *, random=False):
        order = np.random.default_rng(seed).permutation(len(y))
        unseen, seen = order[: len(y) // 3], order[len(y) // 3 :]
        self.X, self.y, self.unseen, self.random = X[seen], y[seen].astype(object), (X[unseen], y[unseen]), random
        self.notes = Annotations(np.arange(len(seen)).astype(str))
        self.order = np.random.default_rng([seed, 1]).permutation(len(seen))
        if random:  # nothing is set aside: all answers train
            self.notes.sample[self.order[-1]] = True
        self.learner = Learner(self.X, self.notes, seed)

    def answer(self):
        """Answer what is asked with the truth."""
        given = int(self.notes.given.sum())
        row = int(self.order[given]) if self.random else self.learner.order(1, [])[0]
        audit = bool(self.learner.apart[row])
        how = np.array([AUDIT if audit else "review: learn"], dtype=object)
        self.notes.give(np.array([row]), self.y[row], how, None if audit else Verdict("learn", row, None))
        if not self.random:
            self.learner.learn()

    def accuracy(self, X, y):
        """Return the share of rows that the classifier names rightly by now."""
        head = self.learner.head(np.flatnonzero(self.learner.trains))
        return 0.0 if head is None else float((head.predict(self.learner.axes(X)) == y).mean())


def load(name):
    items = mm.load_dataset(name)
    emb = mm.embed(items if len(items) <= 2000 else items.sample(2000, random_state=0), model="local", progress=False)
    return emb.unit, emb.items["label"].to_numpy().astype(str)


def reached(session, goal):
    """Return the number of labels after which the goal is reached, twice running."""
    before = False
    for labels in range(STEP, MOST + 1, STEP):
        for _ in range(STEP):
            session.answer()
        now = session.accuracy(*session.unseen) >= goal
        if now and before:
            return labels - STEP
        before = now
    return MOST


def labels(options, seeds):
    for name in options.sets.split(","):
        X, y = load(name)
        pairs = np.array(
            [[reached(Session(X, y, seed, random=r), GOALS[name]) for r in (False, True)] for seed in seeds]
        )
        ratios = pairs[:, 0] / pairs[:, 1]
        learned, random = pairs.mean(axis=0)
        upper = ratios.mean() + 1.96 * ratios.std(ddof=1) / np.sqrt(len(ratios))
        found = {"set": name, "accuracy": GOALS[name], "seeds": len(pairs), "labels": learned, "random": random}
        print(
            json.dumps(
                found
                | {"ratio": round(learned / random, 3), "mean_ratio": round(ratios.mean(), 3), "upper": round(upper, 3)}
            ),
            flush=True,
        )


def live(_options, seeds):
    held, seen, widths = 0, 0, []
    for seed in seeds:
        rng = np.random.default_rng([seed, 2])
        n, d, k = 600 + 4000, 8, int(rng.integers(2, 6))
        y = rng.integers(k, size=n)
        X = rng.normal(size=(n, d)) + rng.normal(scale=rng.uniform(0.4, 1.4), size=(k, d))[y]
        X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
        session, new = Session(X[:600], y[:600].astype(str), seed), (X[600:], y[600:].astype(str))
        good, last = 1.0 / k + rng.uniform(0.0, 0.4), None
        tested = 0
        for _ in range(180):
            session.answer()
            before, tested = tested, int(session.notes.audited.sum())
            curve = session.learner.curve() if tested > before and tested in CHECKS else None  # else it is as it was
            if curve is not None and len(curve) and len(curve) != (0 if last is None else last[0]):
                row = curve.iloc[-1]
                last = len(curve), row["low"], row["high"], session.accuracy(*new)
                if row["low"] > good or row["accuracy"] > good + 0.1:
                    break
        if last is not None:
            seen, held = seen + 1, held + (last[1] <= last[3] <= last[2])
            widths.append(last[2] - last[1])
    print(
        json.dumps({"sessions": seen, "holds": round(held / seen, 4), "mean_width": round(float(np.mean(widths)), 3)}),
        flush=True,
    )


def settled(options, seeds):
    for name in options.sets.split(","):
        X, y = load(name)
        gains, when = [], []
        for seed in seeds:
            session, found = Session(X, y, seed), None
            for count in range(1, 601):
                if not len(session.learner.order(1, [])):
                    break
                session.answer()
                if found is None and count % STEP == 0 and session.learner.settled:
                    found = count, session.accuracy(*session.unseen)
                if found is not None and count == found[0] + MORE:
                    gains.append(session.accuracy(*session.unseen) - found[1])
                    when.append(found[0])
                    break
        right = float((np.array(gains) < 0.01).mean()) if gains else None
        print(
            json.dumps(
                {
                    "set": name,
                    "seeds": len(seeds),
                    "said": len(gains),
                    "right": right,
                    "labels": np.median(when) if when else None,
                    "mean_gain": float(np.mean(gains)) if gains else None,
                }
            ),
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["labels", "live", "settled"])
    parser.add_argument("--sets", default="stamps,emoji")
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    count = options.sessions if options.what == "live" else options.seeds
    {"labels": labels, "live": live, "settled": settled}[options.what](
        options, range(options.first, options.first + count)
    )


if __name__ == "__main__":
    main()
