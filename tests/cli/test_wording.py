"""Messages of verbs, in the words of the command line."""

import re

import pytest

from mmtoolkit.cli import main
from mmtoolkit.cli.wording import in_options

OPTIONS = {"on_error": "--on-error", "cv": "--cv", "cache": "--cache", "cache=False": "--no-cache", "k": "-k"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("pass on_error='nan' to go on", "pass --on-error nan to go on"),
        ('pass on_error="nan".', "pass --on-error nan."),
        ("too few for cv=5; use cv=3 or less", "too few for --cv 5; use --cv 3 or less"),
        ("with cache=False, or name another with cache=", "with --no-cache, or name another with --cache"),
        ("cv='two words' is none", "--cv 'two words' is none"),
        ("the item 'cv=3 and k=4.png' has cv=2", "the item 'cv=3 and k=4.png' has --cv 2"),
        ("the user's k=3 isn't cv=2", "the user's -k 3 isn't --cv 2"),
        ("n.k=3, rock=4, patience_s=5", "n.k=3, rock=4, patience_s=5"),
        ("(on_error='raise')", "(--on-error raise)"),
        (
            "Space(cv=3) or on_error, not on_errors; k must be 1",
            "Space(cv=3) or --on-error, not on_errors; k must be 1",
        ),
        ("k must be at least 1", "-k must be at least 1"),
    ],
)
def test_arguments_become_options_and_names_of_items_stay(said, expected):
    assert in_options(said, OPTIONS) == expected
    assert in_options(said, {}) == said


WHAT = ("small", "broken", "expensive", "green", "wooden", "famous")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cluster", "{table}", "--n-clusters", "50"], "--n-clusters 50 is more than the 12 distinct vectors"),
        (["classify", "{table}", "--min-class-size", "1", "--cv", "9"], "too few for --cv 9: use --cv 6 or less"),
        (["search", "{table}", "x", "-k", "9", "--candidates", "3", "--rerank", "qwen3-vl-rerank"], "--candidates 3 is fewer than -k 9"),
        (["cache", "prune"], "at least one of --model, --revision, --older-than and --max-size"),
        (["cache", "prune", "--older-than", "x"], "--older-than must look like '30d'"),
        (["embed", "{table}", "--budget", "nan"], "--budget: expected an amount from 0 on"),
        (["cluster", "{table}", "--n-clusters", "0-0"], "--n-clusters must be at least 1"),
        (["embed", "{table}", "--model", "multimodal-embedding-v1", "--region", "singapor"], "did you mean 'singapore'?"),
    ],
)  # fmt: skip
def test_verbs_are_quoted_in_options(tmp_path, capsys, arguments, message):
    table = tmp_path / "t.csv"
    table.write_text("text,label\n" + "".join(f"{what} {name},{name}\n" for name in ("owl", "boat") for what in WHAT))
    local = ["--model", "local"] if "--model" not in arguments and "cache" not in arguments else []

    code = main([*(one.format(table=table) for one in arguments), *local])

    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert code == 2
    assert message in said
    assert not re.search(
        r"\b(n_clusters|min_class_size|duplicate_threshold|on_error|older_than|max_size)\b|\b(cv|k)=", said
    )


def test_an_item_keeps_its_name(tmp_path, capsys):
    (tmp_path / "on_error=nan.png").write_bytes(b"x")

    assert main(["embed", str(tmp_path), "--model", "local"]) == 1

    said = capsys.readouterr().err
    assert "on_error=nan.png" in said
    assert "--on-error nan" in said
