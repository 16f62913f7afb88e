"""Fit two linear heads, one for texts and one for pictures, so that a thing and its name lie near each other.

text = unit(raw text @ W), picture = unit(ConSE(probabilities, class names @ W) + unit(features - mean) @ V).
Both W and V are fitted by a contrastive loss over batches: a picture against its name, a keyword or a kind of it, and a
noun of WordNet against its kinds and its definition. numpy only, one seed, about half a minute.

References
----------
Norouzi et al. (2014), Zero-shot learning by convex combination of semantic embeddings (ConSE).
Radford et al. (2021), Learning transferable visual models from natural language supervision (CLIP).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Heads", "Pair", "fit", "mean", "unit"]

DIMENSIONS = 256  # of meaning
TEMPERATURE = 0.06
BATCH = 512
RATE = 2e-3
NOISE, DROPPED = 0.7, 0.3  # on features, and how often the class names are left out
KIND, GROUP, WORD, CHINESE = 0.25, 0.3, 0.45, 0.25  # how often a picture goes with each of these instead of its name
STAY, SMALL = 0.1, 1e-3  # pull of the text head towards where it began, and of the picture head towards zero
AVERAGED = 0.97  # the heads are running means over the second half of the steps


@dataclass(frozen=True)
class Pair:
    """What a picture or a noun goes with: its own names, further words, and kinds, nearest first."""

    names: tuple[str, ...]
    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    chinese: str = ""


@dataclass(frozen=True)
class Heads:
    """`text` (256, 256), `picture` (1280, 256), `center` (1280,): mean of the features."""

    text: np.ndarray
    picture: np.ndarray
    center: np.ndarray


def unit(X: np.ndarray) -> np.ndarray:
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-9)


class _Adam:
    def __init__(self, weights: np.ndarray, rate: float, steps: int) -> None:
        self.weights, self._rate, self._steps, self._step = weights, rate, steps, 0
        self._mean, self._square = np.zeros_like(weights), np.zeros_like(weights)

    def move(self, gradient: np.ndarray) -> None:
        self._step += 1
        self._mean += 0.1 * (gradient - self._mean)
        self._square += 0.01 * (gradient**2 - self._square)
        rate = self._rate * (1 - 0.9 * self._step / self._steps)
        mean, square = self._mean / (1 - 0.9**self._step), self._square / (1 - 0.99**self._step)
        self.weights -= rate * mean / (np.sqrt(square) + 1e-8)


def _lengths(X: np.ndarray) -> np.ndarray:
    return np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-6)


def _through_unit(gradient: np.ndarray, unit_rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the gradient before the rows were scaled to length one."""
    return (gradient - unit_rows * (gradient * unit_rows).sum(axis=1, keepdims=True)) / lengths


def _contrast(A: np.ndarray, B: np.ndarray, a: np.ndarray, b: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss of row n of `A` belonging to row n of `B`, and its gradients; equal keys are no counter-examples."""
    logits = A @ B.T / TEMPERATURE
    same = (a[:, None] == a[None, :]) | (b[:, None] == b[None, :])
    np.fill_diagonal(same, False)
    logits[same] = -1e9
    there = np.exp(logits - logits.max(axis=1, keepdims=True))
    back = np.exp(logits - logits.max(axis=0, keepdims=True))
    there, back = there / there.sum(axis=1, keepdims=True), back / back.sum(axis=0, keepdims=True)
    loss = float(-np.log(np.maximum(np.diag(there), 1e-9)).mean())
    slope = (there + back) / 2
    slope[np.diag_indices_from(slope)] -= 1
    slope /= len(A) * TEMPERATURE
    return loss, slope @ B, slope.T @ A


def fit(
    raw: Callable[[Sequence[str]], np.ndarray],
    class_names: Sequence[str],
    features: np.ndarray,
    share: np.ndarray,
    pictures: Sequence[Pair],
    weights: np.ndarray,
    nouns: Sequence[Pair],
    *,
    steps: int = 300,
    random_state: int = 0,
) -> Heads:
    """Fit both heads.

    Parameters
    ----------
    raw : callable
        From texts to unit rows (n_texts, 256).
    class_names : sequence of str
        Names of the 1,000 classes of the network.
    features, share : ndarray of shape (n_pictures, 1280) and (n_pictures, 1000)
        What the network says of each picture: features, and the shares of the classes in it.
    pictures, nouns : sequence of Pair
        What goes with what.
    weights : ndarray of shape (n_pictures,)
        How often each picture is drawn.
    steps, random_state : int
        Length and seed.
    """
    rng = np.random.default_rng(random_state)
    chosen = [t for p in (*pictures, *nouns) for t in (*p.names, *p.words, *p.kinds, *p.groups, p.chinese) if t]
    texts = list(dict.fromkeys([*chosen, *class_names]))
    number = {text: n for n, text in enumerate(texts)}
    T = raw(texts).astype(np.float32)
    C = T[[number[name] for name in class_names]]
    center = features.mean(axis=0)
    X = unit(features - center).astype(np.float32)

    mean = unit(T.mean(axis=0, keepdims=True))
    start = np.eye(T.shape[1], dtype=np.float32) - mean.T @ mean
    spread = T @ start
    _, directions = np.linalg.eigh(spread.T @ spread)
    start = start @ directions[:, : -DIMENSIONS - 1 : -1]
    goal = unit(T[[number[p.names[0]] for p in pictures]] @ start)
    first = np.linalg.solve(X.T @ X + 5.0 * np.eye(X.shape[1], dtype=np.float32), X.T @ (goal - goal.mean(axis=0)))
    text, picture = _Adam(start.copy(), RATE, steps), _Adam(first, RATE, steps)
    drawn = weights / weights.sum()
    average = [start, first]

    def partner(pair: Pair) -> int:
        kind, group, word, chinese = rng.random(4) < (KIND, GROUP, WORD, CHINESE)
        if pair.groups and group:
            return number[pair.groups[rng.integers(len(pair.groups))]]
        if pair.kinds and kind:
            return number[pair.kinds[min(int(rng.geometric(0.5)), len(pair.kinds)) - 1]]
        if pair.words and word:
            return number[pair.words[rng.integers(len(pair.words))]]
        if pair.chinese and chinese:
            return number[pair.chinese]
        return number[pair.names[rng.integers(len(pair.names))]]

    def other(pair: Pair) -> int:
        if pair.words and rng.random() < 0.35:
            return number[pair.words[0]]
        if pair.kinds:
            return number[pair.kinds[min(int(rng.geometric(0.35)), len(pair.kinds)) - 1]]
        return number[pair.names[0]]

    for step in range(1, steps + 1):
        rows = rng.choice(len(X), BATCH, p=drawn)
        named = np.array([partner(pictures[row]) for row in rows])
        told = share[rows] * (rng.random((BATCH, 1), dtype=np.float32) > DROPPED)
        seen = X[rows] + NOISE / X.shape[1] ** 0.5 * rng.standard_normal((BATCH, X.shape[1]), dtype=np.float32)
        CW = C @ text.weights
        C_lengths = _lengths(CW)
        classes = CW / C_lengths
        A = told @ classes + seen @ picture.weights
        B = T[named] @ text.weights
        A_lengths, B_lengths = _lengths(A), _lengths(B)
        A, B = A / A_lengths, B / B_lengths
        _, A_slope, B_slope = _contrast(A, B, rows, named)
        A_slope, B_slope = _through_unit(A_slope, A, A_lengths), _through_unit(B_slope, B, B_lengths)
        picture_slope = seen.T @ A_slope
        text_slope = T[named].T @ B_slope + C.T @ _through_unit(told.T @ A_slope, classes, C_lengths)

        some = [nouns[row] for row in rng.integers(len(nouns), size=BATCH)]
        a = np.array([number[pair.names[rng.integers(len(pair.names))]] for pair in some])
        b = np.array([other(pair) for pair in some])
        A, B = T[a] @ text.weights, T[b] @ text.weights
        A_lengths, B_lengths = _lengths(A), _lengths(B)
        A, B = A / A_lengths, B / B_lengths
        _, A_slope, B_slope = _contrast(A, B, a, b)
        text_slope += T[a].T @ _through_unit(A_slope, A, A_lengths) + T[b].T @ _through_unit(B_slope, B, B_lengths)

        text.move(text_slope + STAY * (text.weights - start))
        picture.move(picture_slope + SMALL * picture.weights)
        now = [text.weights.copy(), picture.weights.copy()]
        kept = AVERAGED if step > steps // 2 else 0.0
        average = [kept * old + (1 - kept) * new for old, new in zip(average, now, strict=True)]
    return Heads(*average, center)


def mean(several: Sequence[Heads]) -> Heads:
    """Return the mean of heads that began alike; it depends less on chance than each of them."""
    text, picture = (np.mean([getattr(heads, name) for heads in several], axis=0) for name in ("text", "picture"))
    return Heads(text, picture, several[0].center)
