"""Words that ship with the package, to name clusters of pictures and videos with."""

from __future__ import annotations

from importlib import resources

from mmtoolkit._arguments import check_choice

__all__ = ["LANGUAGES", "VOCABULARIES", "vocabulary"]

VOCABULARIES = ("nouns", "emoji")
LANGUAGES = ("en", "zh")


def vocabulary(name: str, language: str = "en") -> list[str]:
    """Return a shipped list of words.

    Parameters
    ----------
    name : {"nouns", "emoji"}
        Common nouns of WordNet that can be seen, or the names of emoji.
    language : {"en", "zh"}, default="en"
        English or simplified Chinese.

    Returns
    -------
    list of str
        Different words.

    Raises
    ------
    ValueError
        If there is no such vocabulary or language.

    Examples
    --------
    >>> "frog" in vocabulary("nouns"), "青蛙" in vocabulary("emoji", "zh")
    (True, True)
    """
    if name not in VOCABULARIES:
        msg = f"no vocabulary {name!r}: it is one of {', '.join(VOCABULARIES)}, or your own list of words"
        raise ValueError(msg)
    check_choice("language", language, LANGUAGES)
    text = resources.files("mmtoolkit.clustering").joinpath("words", f"{name}.tsv").read_text("utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return list(dict.fromkeys(row[LANGUAGES.index(language)] for row in rows if row[LANGUAGES.index(language)]))
