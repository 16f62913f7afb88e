"""The command line: what it prints, what it writes, and how it fails."""

import dataclasses
import importlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import mmtoolkit as mm
from mmtoolkit._spreadsheet import restored
from mmtoolkit.cli import demonstration, main, parser, show
from mmtoolkit.cli.parser import COMMANDS, make_parser

LOCAL = ["--model", "local"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of 45 pictures, sub-folders being classes."""
    folder = tmp_path_factory.mktemp("cli") / "photos"
    frame = mm.load_dataset("stamps")
    frame = frame[frame["label"].isin(["animals", "money", "vehicles"])].groupby("label").head(15)
    for label, path in zip(frame["label"], frame["image"], strict=True):
        (folder / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / label)
    return folder


def run(capsys, *arguments):
    """Return exit code, stdout and stderr; a failure must be one sentence and never a traceback."""
    code = main([str(a) for a in arguments])
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return code, out, err


def failure(capsys, *arguments):
    code, _out, err = run(capsys, *arguments)
    last = err.strip().splitlines()[-1]
    assert last.startswith("mmtoolkit")
    assert ": error: " in last
    return code, last.split(": error: ", 1)[1]


def rows(commands=COMMANDS, before=()):
    """Every row of the table with the words that call it, sub-commands included."""
    for row in commands:
        yield [*before, row.name], row
        yield from rows(row.commands, [*before, row.name])


@pytest.mark.parametrize(("words", "row"), [pytest.param(*found, id=" ".join(found[0])) for found in rows()])
def test_every_command_has_help_with_examples_that_parse_and_all_arguments(capsys, monkeypatch, words, row):
    monkeypatch.setenv("COLUMNS", "1000")

    code, out, _ = run(capsys, *words, "--help")

    assert code == 0
    assert f"{row.about[0].upper()}{row.about[1:]}." in out
    assert "examples:" in out
    assert f"  mmtoolkit {' '.join(words)}" in out
    for argument in row.arguments:
        assert argument.names[-1] in out or argument.options.get("metavar") in out
        assert argument.options.get("help", "") in out
    for example in row.examples:
        assert callable(make_parser().parse_args(shlex.split(example)[1:]).run)


@pytest.mark.parametrize("row", [row for _, row in rows()], ids=lambda row: row.run)
def test_every_command_names_a_function(row):
    module, _, function = row.run.partition(":")

    assert callable(getattr(importlib.import_module(f"mmtoolkit.cli.{module}"), function))


def test_a_command_is_one_row_of_the_table(capsys, monkeypatch):
    exclusive = {"group": "shades", "exclusive": True}
    row = parser.Command(
        "paint",
        "paint items",
        "demonstration:paint",
        (
            parser.Argument(["--dark"], {"action": "store_true", "help": "with little light"}, **exclusive),
            parser.Argument(["--light"], {"action": "store_true"}, **exclusive),
        ),
        ["mmtoolkit paint --dark"],
    )
    monkeypatch.setattr(parser, "COMMANDS", (*COMMANDS, row))
    monkeypatch.setattr(demonstration, "paint", lambda arguments: 7 if arguments.dark else 8, raising=False)

    assert run(capsys, "paint", "--dark")[0] == 7
    assert run(capsys, "paint")[0] == 8
    assert "not allowed with argument" in failure(capsys, "paint", "--dark", "--light")[1]
    assert re.search(r"shades:\n  --dark +with little light\n", run(capsys, "paint", "--help")[1])
    assert re.search(r"\n    paint +paint items\n", run(capsys, "--help")[1])


def test_items_csv_has_what_the_table_says_of_each_verb(tmp_path, monkeypatch, rng):
    made = mm.cluster(rng.normal(size=(12, 3)), 2)
    monkeypatch.setitem(show._PER_ITEM, "cluster", lambda c: {"mine": c.labels + 100})  # the table of this room

    show.save([made], tmp_path, "Own columns")

    assert pd.read_csv(tmp_path / "items.csv")["mine"].tolist() == (made.labels + 100).tolist()


def test_items_csv_holds_nothing_that_a_spreadsheet_runs(tmp_path, rng):
    y = ["=1+1", "@home", "plain", "-2"] * 6
    ids = [f"{mark}{i}" for i, mark in enumerate(["=", "+x", "-", "a", "\t", "'="] * 4)]
    made = mm.classify(mm.Embeddings(rng.normal(size=(24, 3)), ids=ids), y, cv=2, duplicates="ignore")

    show.save([made], tmp_path, "Formulas")

    frame = pd.read_csv(tmp_path / "items.csv", dtype=str, keep_default_na=False)
    assert not frame["id"].str.contains(r"^[=+@\t]|^-\D").any()
    assert [restored(cell) for cell in frame["id"]] == ids
    assert [restored(cell) for cell in frame["y_true"]] == y
    assert set(frame["y_true"]) == {"'=1+1", "'@home", "plain", "-2"}  # a number stays one


def test_help_names_every_command_and_the_exit_codes(capsys):
    _, out, _ = run(capsys, "--help")

    assert all(f"\n    {row.name}" in out for row in COMMANDS)
    assert "Exit codes: 0" in out


def test_version(capsys):
    assert run(capsys, "--version") == (0, f"mmtoolkit {mm.__version__}\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["paint"], "invalid choice: 'paint'"),
        (["classify"], "required: INPUT"),
        (["classify", "x", "--cv", "many"], "expected a whole number from 2 on, got 'many'"),
        (["classify", "x", "--cv", "²"], "expected a whole number from 2 on, got '²'"),
        (["classify", "x", "--cv", "9" * 5000], "expected a whole number from 2 on, got '999"),
        (["cluster", "x", "--n-clusters", "²"], "expected a number such as 8 or a range such as 5-20, got '²'"),
        (["cluster", "x", "--n-clusters", "1-" + "9" * 30], "expected a number such as 8 or a range such as 5-20"),
        (["cluster", "x", "--\x1b[31mred"], "unrecognized arguments: -- [31mred"),
        (["report", "x", "--random-state", "-1"], "expected a whole number from 0 to 2**32 - 1, got '-1'"),
        (["cluster", "x", "--random-state", "1.7"], "expected a whole number from 0 to 2**32 - 1, got '1.7'"),
        (["cluster", "x", "--n-clusters", "9-3"], "expected a number such as 8 or a range such as 5-20, got '9-3'"),
        (["embed", "x", "--cache", "a", "--no-cache"], "not allowed with argument"),
        (["embed", "no/such/folder"], "there is no file or folder 'no/such/folder', and it is no data set (stamps,"),
        (["embed", ""], "INPUT must be the path of a file or folder, got ''"),
        (["embed", "s3://a/b"], "got the address 's3://a/b'; download it"),
        (["embed", "glosses", "--text", "x"], "--text names a column, but 'glosses' is no table"),
        (["embed", "glosses", "--model", "locla"], "did you mean 'local'?"),
        (["embed", "glosses", "--model", "local", "--dimension", "7"], "7"),
        (["embed", "glosses", "--region", "singapore"], "--region needs --model"),
        (["search", "glosses", *LOCAL], "either a text or --like FILE"),
        (["cache", "prune"], "needs at least one of"),
    ],
)
def test_bad_usage_is_two(capsys, arguments, message):
    code, said = failure(capsys, *arguments)

    assert code == 2
    assert message in said


def test_empty_folder_and_single_class_are_named(capsys, tmp_path, photos):
    assert failure(capsys, "embed", tmp_path)[1].startswith("no pictures, videos or texts in")

    code, said = failure(capsys, "classify", photos / "money", *LOCAL)

    assert code == 2
    assert "label" in said or "class" in said


@pytest.mark.parametrize(
    ("classes", "why"),
    [
        ({"money": 8}, "classification needs at least two classes, y has one: 'money'"),
        ({"money": 8, "animals": 1}, "class 'animals' has 1 item, too few for --cv 5"),
    ],
)
def test_a_report_without_enough_of_a_class_has_clusters_and_map(capsys, tmp_path, photos, classes, why):
    for name, n in classes.items():
        (tmp_path / "in" / name).mkdir(parents=True)
        for path in sorted((photos / name).iterdir())[:n]:
            shutil.copy(path, tmp_path / "in" / name)

    code, _, err = run(capsys, "report", tmp_path / "in", *LOCAL, "--method", "pca", "--out", tmp_path / "out")

    assert code == 0
    assert f"note: no classification, because {why}\n" in err
    assert list(json.loads((tmp_path / "out" / "report.json").read_text())["results"]) == ["cluster", "project"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("text.jpg", b"only words", "not a picture"),
        ("empty.png", b"", "0 bytes"),
        ("<script>alert(1)\n'quoted'.png", b"x", "not a picture"),
    ],
)
def test_a_wrong_picture_is_named_and_can_be_left_out(capsys, tmp_path, photos, name, content, reason):
    shutil.copytree(photos / "money", tmp_path / "in" / "money")
    (tmp_path / "in" / "money" / name).write_bytes(content)

    code, said = failure(capsys, "embed", tmp_path / "in", *LOCAL)
    again, _, err = run(capsys, "embed", tmp_path / "in", *LOCAL, "--on-error", "nan")

    assert code == 1
    assert reason in said
    assert "1 of 16 items" in said
    assert again == 0
    assert "1 item left out" in err


def test_embed_saves_vectors_that_other_commands_take(capsys, tmp_path, photos):
    code, out, err = run(capsys, "embed", photos, *LOCAL, "--out", tmp_path / "v.parquet")

    assert code == 0
    assert "45 items x 512 features, model 'local'" in out
    assert "45 items:" in err
    assert run(capsys, "cluster", tmp_path / "v.parquet", "--n-clusters", "3")[0] == 0


def test_classify_prints_scores_and_writes_a_report_and_a_classifier(capsys, tmp_path, photos):
    code, out, _ = run(
        capsys, "classify", photos, *LOCAL, "--cv", 3, "--out", tmp_path / "out", "--save", tmp_path / "clf"
    )

    assert code == 0
    assert "accuracy" in out
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"report.html", "report.md", "report.json", "items.csv"}
    assert pd.read_csv(tmp_path / "out" / "items.csv")["fold"].isin([0, 1, 2]).all()
    assert mm.load_classifier(tmp_path / "clf").classes.tolist() == ["animals", "money", "vehicles"]


def test_project_and_search_and_estimate(capsys, photos):
    assert "PCA" in run(capsys, "project", photos, *LOCAL, "--method", "pca")[1]
    assert "45 items with 'local'" in run(capsys, "estimate", photos, *LOCAL)[1]

    code, out, _ = run(capsys, "search", photos, "a coin", *LOCAL, "-k", 3)

    assert code == 0
    assert out.count("money/") + out.count("animals/") + out.count("vehicles/") == 3
    by_picture = run(capsys, "search", photos, "--like", next((photos / "money").iterdir()), *LOCAL, "-k", 1)[1]
    assert "money/" in by_picture


def test_search_and_estimate_with_reranking(capsys, tmp_path, photos, service, monkeypatch):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path))

    code, plan, _ = run(capsys, "estimate", photos, *LOCAL, "--rerank", "qwen3-vl-rerank", "--queries", 7)
    first, out, err = run(capsys, "search", photos, "a horse", *LOCAL, "-k", 3, "--rerank", "qwen3-vl-rerank")
    asked = len(service.reranks)
    run(capsys, "search", photos, "a horse", *LOCAL, "-k", 3, "--rerank", "qwen3-vl-rerank", "--budget", 0)

    assert code == first == 0
    assert "reranking 7 queries with 'qwen3-vl-rerank'" in plan
    assert "3 hits for 'a horse'" in out
    assert "reranked by 'qwen3-vl-rerank'" in out
    assert "are sent to the DashScope service" in out + err
    assert asked == len(service.reranks) == 2  # 45 pictures, 40 a request
    code, said = failure(capsys, "search", photos, "a cow", *LOCAL, "--rerank", "qwen3-vl-rerank", "--budget", 0)
    assert (code, "would cross --budget 0" in said) == (1, True)
    code, said = failure(capsys, "search", photos, "a cow", *LOCAL, "--rerank", "qwen-vl")
    assert "did you mean 'qwen3-vl-rerank'" in said


def test_report_then_verify_and_verify_again_after_a_change(capsys, tmp_path, photos):
    shutil.copytree(photos, tmp_path / "photos")
    out = tmp_path / "out"

    code, printed, _ = run(
        capsys, "report", tmp_path / "photos", *LOCAL, "--cv", 3, "--method", "pca", "--n-clusters", 3, "--out", out
    )

    assert code == 0
    assert printed.strip().endswith("report.html")
    assert run(capsys, "verify", out / "report.json")[:2] == (
        0,
        "identical (computed again: classify, classify_slices, cluster, project)\n",
    )

    victim = next((tmp_path / "photos" / "money").iterdir())
    shutil.copy(next((tmp_path / "photos" / "animals").iterdir()), victim)
    code, printed, _ = run(capsys, "verify", out / "report.json")

    assert code == 1
    assert printed.startswith("differs at ")
    assert f"the picture of item 'money/{victim.name}' has changed" in printed


def test_verify_of_what_is_no_report_is_one(capsys, tmp_path):
    assert failure(capsys, "verify", tmp_path / "none.json") == (
        1,
        f"the report '{tmp_path}/none.json' cannot be read: No such file or directory",
    )


def test_a_table_with_its_own_column_names(capsys, tmp_path):
    words = ["cat", "dog", "cow", "car", "bus", "van"] * 5
    table = pd.DataFrame(
        {"sku": range(30), "body": [f"{w} number {i}" for i, w in enumerate(words)], "kind": [w[0] for w in words]}
    )
    table.to_csv(tmp_path / "t.csv", index=False)

    code, out, _ = run(
        capsys, "classify", tmp_path / "t.csv", "--id", "sku", "--text", "body", "--y", "kind", *LOCAL, "--cv", 3
    )

    assert code == 0
    assert "4 classes, 30 items scored" in out


def test_demo_ends_with_the_path_of_the_page(capsys, tmp_path, monkeypatch, stamps):
    monkeypatch.setattr(demonstration, "_sets", lambda: {"stamps": stamps.items})

    code, out, err = run(capsys, "demo", "--out", tmp_path / "out")

    assert code == 0
    assert out.strip().splitlines()[-1] == str(tmp_path / "out" / "report.html")
    assert "140 items: 0 computed, 140 from the cache" in err


def test_cache_commands(capsys, tmp_path):
    store, file = ["--cache", tmp_path / "a"], tmp_path / "v.parquet"
    mm.embed_texts(["one", "two"], model="local", cache=tmp_path / "a", progress=False)

    assert "local" in run(capsys, "cache", "stats", *store)[1]
    assert run(capsys, "cache", "verify", *store)[0] == 0
    assert "2 vectors written" in run(capsys, "cache", "export", file, *store)[1]
    assert "2 new vectors" in run(capsys, "cache", "import", file, "--cache", tmp_path / "b")[1]
    assert "2 vectors dropped" in run(capsys, "cache", "prune", "--model", "local", *store)[1]
    assert run(capsys, "cache", "compact", *store)[0] == 0
    assert "no vectors yet" in run(capsys, "cache", "stats", "--cache", tmp_path / "c")[1]


def test_superseded_vectors_are_dropped_and_nothing_that_was_paid_for(capsys, tmp_path):
    now = mm.embed_texts(["one", "two"], model="local", cache=tmp_path, progress=False)
    store, kept = mm.EmbeddingCache(tmp_path), [("multimodal-embedding-v1", "of another session"), ("not here", "1")]
    for model, revision in [("local", "old"), *kept]:
        store.put([bytes(32)], now.vectors[:1], dataclasses.replace(now.space, model=model, revision=revision))

    assert (
        "0 vectors dropped"
        in run(capsys, "cache", "prune", "--superseded", "--model", "not here", "--cache", tmp_path)[1]
    )
    assert (
        "0 vectors dropped"
        in run(capsys, "cache", "prune", "--superseded", "--older-than", "1d", "--cache", tmp_path)[1]
    )
    assert "1 vector dropped" in run(capsys, "cache", "prune", "--superseded", "--cache", tmp_path)[1]

    assert {*zip(*store.stats()[["model", "revision"]].values.T, strict=True)} == {("local", now.revision), *kept}


def test_a_damaged_cache_is_one(capsys, tmp_path):
    mm.embed_texts(["one", "two"], model="local", cache=tmp_path / "a", progress=False)
    for path in (tmp_path / "a" / "segments").glob("*.f32"):
        path.write_bytes(b"\x01" * path.stat().st_size)

    code, out, _ = run(capsys, "cache", "verify", "--cache", tmp_path / "a")

    assert code == 1
    assert "2 damaged" in out


def test_a_cache_that_cannot_be_used_is_one(capsys, tmp_path):
    (tmp_path / "file").write_text("")

    code, said = failure(capsys, "cache", "verify", "--cache", tmp_path / "file" / "below")

    assert code == 1
    assert "below" in said


def test_ctrl_c_is_130_and_keeps_what_was_computed(tmp_path):
    store = tmp_path / "cache"
    job = subprocess.Popen(
        [sys.executable, "-m", "mmtoolkit", "embed", "emoji", *LOCAL, "--cache", store],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    held = mm.EmbeddingCache(store)
    until = time.monotonic() + 60
    while time.monotonic() < until and (not Path(store).exists() or len(held.stats()) == 0):
        time.sleep(0.05)

    job.send_signal(signal.SIGINT)
    _, err = job.communicate(timeout=60)

    assert job.returncode == 130
    assert "stopped; what was computed is kept" in err
    assert "Traceback" not in err
    assert 0 < int(held.stats()["vectors"].sum()) < 1242


def test_ctrl_c_while_the_command_line_is_imported_is_a_sentence():
    code = """if True:
        import os, signal, sys

        class Pressed:
            def find_spec(self, name, *_):
                if name == "mmtoolkit.cli.parser":
                    os.kill(os.getpid(), signal.SIGINT)

        sys.meta_path.insert(0, Pressed())
        from mmtoolkit.cli import main
        sys.exit(main(["--help"]))
    """

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 130
    assert done.stderr == "mmtoolkit: error: stopped before it began\n"


def test_a_reader_that_goes_away_is_no_error():
    code = f"{sys.executable} -m mmtoolkit --help | head -n 1; exit ${{PIPESTATUS[0]}}"

    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False)

    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("usage: mmtoolkit")


def test_a_mistake_of_ours_is_a_sentence_too(capsys, monkeypatch):
    monkeypatch.setattr(demonstration, "_sets", lambda: {}["nothing"])

    code, said = failure(capsys, "demo")

    assert code == 1
    assert "KeyError" in said
    assert "MMTOOLKIT_DEBUG=1" in said
    assert os.environ.get("MMTOOLKIT_DEBUG") is None


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(28, "No space left on device", "out/report.html"), 1, "No space left on device: 'out/report.html'"),
        (MemoryError(), 1, "not enough memory for this many items; try fewer, or a smaller dimension"),
        (KeyboardInterrupt(), 130, "stopped; what was computed is kept in the cache, run again to go on"),
    ],
)
def test_what_ends_a_command_is_one_sentence_and_a_code(capsys, monkeypatch, error, code, said):
    def fail():
        raise error

    monkeypatch.setattr(demonstration, "_sets", fail)

    assert failure(capsys, "demo") == (code, said)


def test_a_query_that_cannot_be_embedded_is_advised_what_a_query_can_do(capsys, tmp_path, photos):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")

    code, said = failure(capsys, "search", photos, "--like", tmp_path / "bad.jpg", *LOCAL)

    assert code == 1
    assert "bad.jpg: not a picture" in said
    assert "on_error" not in said


def test_new_data_is_checked_against_old_and_an_alarm_is_exit_code_1(capsys, tmp_path):
    old, like, other = (tmp_path / f"{name}.csv" for name in ("old", "like", "other"))
    lines = [f"the {name} number {i},{name}" for i in range(30) for name in ("owl", "boat")]
    old.write_text("\n".join(["text,label", *lines]))
    like.write_text("\n".join(["text,label", *lines[1::3]]))
    other.write_text("\n".join(["text", *(f"invoice {i} of the tax office" for i in range(25))]))
    quick = [*LOCAL, "--no-inference", "--duplicates", "ignore"]

    code, out, _ = run(capsys, "check-new", old, like, *quick, "--out", tmp_path / "out")
    alarmed, said, err = run(capsys, "check-new", old, other, *quick, "--json")

    assert code == 0
    assert "looks like the old data" in out
    assert run(capsys, "verify", tmp_path / "out" / "report.json")[0] == 0
    assert alarmed == 1, err
    assert json.loads(said)["reason"].startswith("the new items are no mix of the old classes")


def test_notes_are_printed_whole_and_small_costs_are_not_nothing(capsys):
    show.table(pd.DataFrame({"note": ["long " * 100]}))
    show.table(pd.DataFrame({"value": [0.00025, 0.25, 0.0]}, index=["cost", "minutes", "none"]))

    out = capsys.readouterr().out
    assert ("long " * 100).strip() in out
    assert "0.00025" in out
    assert "0.250" in out
    assert "0.000\n" in out


def test_an_export_that_cannot_be_written_blames_the_file_not_the_cache(capsys, tmp_path):
    store = tmp_path / "cache"
    mm.embed_texts(["a"], model="local", cache=store)

    code, said = failure(capsys, "cache", "export", tmp_path / "nowhere" / "x.parquet", "--cache", store)

    assert code == 1
    assert said == f"the file {str(tmp_path / 'nowhere' / 'x.parquet')!r} cannot be written: No such file or directory"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clasify", "emoji"], "did you mean 'classify'?"),
        (["classify", "emoji", "--modle", "local"], "did you mean '--model'?"),
        (["classify", "stamp"], "did you mean 'stamps'?"),
        (
            ["classify", "{table}", "--model", "local", "--y", "lable"],
            "--y 'lable' names no column (did you mean 'label'?)",
        ),
        (
            ["embed", "{table}", "--model", "local", "--text", "txt"],
            "--text 'txt' names no column (did you mean 'text'?)",
        ),
        (
            ["report", "{table}", "--model", "local", "--y", "lable"],
            "--y 'lable' names no column with classes (did you mean 'label'?)",
        ),
    ],
)
def test_a_typo_gets_the_nearest_name_in_the_commands_own_words(tmp_path, capsys, arguments, message):
    table = tmp_path / "t.csv"
    table.write_text("text,label\n" + "".join(f"{name} {i},{name}\n" for name in ("owl", "boat") for i in range(6)))

    code = main([argument.format(table=table) for argument in arguments])

    assert code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--label", "kind"], "--label names a column of a table, but {saved!r} holds saved vectors"),
        (["--model", "qwen3-vl-embedding"], "--model qwen3-vl-embedding does not fit: the vectors in {saved!r} have the model local"),
        (["--dimension", "64"], "--dimension 64 does not fit: the vectors in {saved!r} have the dimension 512"),
    ],
)  # fmt: skip
def test_an_option_that_saved_vectors_cannot_follow_is_refused(tmp_path, capsys, options, message):
    saved = str(tmp_path / "v.parquet")
    mm.embed(mm.items({"text": ["owl", "boat"], "kind": ["x", "y"]}), model="local", cache=False).save(saved)

    code, said = failure(capsys, "cluster", saved, "--n-clusters", "2", *options)

    assert code == 2
    assert said.startswith(message.format(saved=saved))
    assert main(["cluster", saved, "--n-clusters", "2", "--model", "local", "--dimension", "512"]) == 0


def test_a_classifier_that_could_not_be_saved_is_not_trained(tmp_path, capsys):
    (tmp_path / "file").write_text("x")

    code, said = failure(capsys, "classify", "emoji", "--model", "local", "--save", tmp_path / "file")

    assert code == 1
    assert said == f"nothing can be written to {str(tmp_path / 'file')!r}: File exists; --save names another folder"


@pytest.mark.parametrize("out", ["v.csv", "v", "folder.parquet"])
def test_a_name_that_vectors_cannot_have_is_said_before_they_are_computed(tmp_path, capsys, out):
    (tmp_path / "folder.parquet").mkdir()

    code, said = failure(capsys, "embed", "emoji", "--model", "local", "--out", tmp_path / out)

    assert code == 2
    assert said == f"--out names a .parquet file, such as 'vectors.parquet', got {str(tmp_path / out)!r}"


def test_inference_can_be_left_out(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("text,label\n" + "".join(f"{name} {i},{name}\n" for name in ("owl", "boat") for i in range(8)))

    assert main(["classify", str(table), "--model", "local", "--no-cache", "--no-inference"]) == 0

    out, _ = capsys.readouterr()
    assert "accuracy 1.000, baseline 0.500, 2 classes" in out
    assert "Intervals and tests were left out (inference=False)." in out
    assert "the intervals are rough" not in out


def test_one_class_of_one_item_does_not_take_the_classification_away(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text(
        "text,label\n" + "".join(f"{name} {i},{name}\n" for name in ("owl", "boat") for i in range(8)) + "a tree,tree\n"
    )

    assert main(["classify", str(table), "--model", "local", "--no-cache", "--out", str(tmp_path / "out")]) == 0
    assert main(["classify", str(table), "--model", "local", "--no-cache", "--min-class-size", "1"]) == 2

    out, err = capsys.readouterr()
    assert "One class is too small to be scored and left out of the final model: 'tree' (1 item)" in out
    assert "class 'tree' has 1 item, too few for --cv 5" in err
    assert "left_out" in (tmp_path / "out" / "items.csv").read_text("utf-8").partition("\n")[0]
