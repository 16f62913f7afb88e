"""The words that ship with the package."""

from mmtoolkit.clustering.vocabularies import vocabulary


def test_vocabularies_are_clean():
    for name in ("nouns", "emoji"):
        for language in ("en", "zh"):
            words = vocabulary(name, language)
            assert len(words) == len(set(words)) > 600
            assert all(word.strip() == word and "\t" not in word for word in words)
