"""The client where notebooks run, and what it keeps to itself: loops, threads, forks, keys, proxies, regions."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from emulator import FAULTS
from sklearn.base import clone

import mmtoolkit as mm
from mmtoolkit.errors import DriftError, EmbeddingError, ServiceStopError

PLUS = "tongyi-embedding-vision-plus"
FORKS = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 dislikes what the test is about


def expected(texts, client, **options):
    """Vectors of a few texts on their own."""
    return mm.embed_texts(texts, model=client(**options), cache=False).vectors


def test_inside_a_running_event_loop(service, client):
    async def notebook_cell():
        return mm.embed_texts(["a", "b"], model=client(), cache=False)

    assert asyncio.run(notebook_cell()).ok.all()


def test_from_many_threads_at_once(service, client, row):
    row(PLUS, rpm=60_000)
    found = {}

    def work(k):
        found[k] = mm.embed_texts([f"thread {k} text {i}" for i in range(20)], model=client(PLUS), cache=False).vectors

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(np.array_equal(found[k][3:4], expected([f"thread {k} text 3"], client, model=PLUS)) for k in range(6))


@FORKS
def test_after_fork_the_child_uses_connections_of_its_own(service, client):
    mm.embed_texts(["before"], model=client(), cache=False)
    before = {r.connection for r in service.calls}
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if mm.embed_texts(["child"], model=client(), cache=False).ok.all() else 1
        finally:
            os._exit(code)

    _, status = os.waitpid(child, 0)
    mm.embed_texts(["after"], model=client(), cache=False)

    assert status == 0
    of_child = {r.connection for r in service.calls if r.body["input"]["contents"] == [{"text": "child"}]}
    assert not of_child & before
    assert len(service.calls) == 3


def test_progress_bar_counts_items(service, client):
    class Bar:
        n = 0

        def update(self, n):
            self.n += n

        def close(self):
            self.closed = True

    bar = Bar()
    mm.embed_texts([f"text {i}" for i in range(30)], model=client(PLUS), cache=False, progress=bar)

    assert bar.n == 30


def test_a_failing_cache_or_bar_ends_the_run_instead_of_hanging(service, client):
    class Broken:
        def update(self, n):
            raise RuntimeError("no display")

        def close(self):
            pass

    with pytest.raises(RuntimeError, match="no display"):
        mm.embed_texts([f"text {i}" for i in range(30)], model=client(PLUS), cache=False, progress=Broken())


def test_usage_is_what_the_service_counted(service, client):
    emb = mm.embed([mm.Text("abcd" * 10), mm.Image(f"{service.host}/media/red.png")], model=client(), cache=False)

    assert emb.usage == {"calls": 2, "text_tokens": 10, "media_tokens": 400, "cached": 0, "computed": 2, "equal": 0}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (None, "DASHSCOPE_API_KEY is not set"),
        ("", "DASHSCOPE_API_KEY is empty"),
        ("''", "is empty"),
        ("sk-schlüssel", "non-ASCII character at position 8"),
        ("sk-a b", "a space, line break or non-ASCII character at position 5"),
        ("sk-a\nb", "at position 5"),
    ],
)
def test_a_bad_key_is_noticed_before_any_request(service, client, monkeypatch, key, words):
    if key is None:
        monkeypatch.delenv("DASHSCOPE_API_KEY")
    else:
        monkeypatch.setenv("DASHSCOPE_API_KEY", key)

    with pytest.raises(ServiceStopError, match=words) as caught:
        mm.embed_texts(["a"], model=client(), cache=False)

    assert not service.records
    assert not key or "schl" not in str(caught.value)


@pytest.mark.parametrize("dress", ["Bearer {}", "“{}”", "{} x"])
def test_a_bad_key_stands_in_no_traceback(service, client, monkeypatch, dress):
    monkeypatch.setenv("DASHSCOPE_API_KEY", dress.format(service.api_key))

    with pytest.raises(ServiceStopError) as caught:
        mm.embed_texts(["a"], model=client(), cache=False)

    assert not any(service.api_key in value for value in traceback_values(caught.value))


@pytest.mark.parametrize(
    ("name", "what"), [("~/none", "does not exist"), ("~", "is a folder"), ("~/empty", "is empty")]
)
def test_a_key_file_without_a_key_is_named(client, monkeypatch, tmp_path, name, what):
    monkeypatch.delenv("DASHSCOPE_API_KEY", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", name)
    (tmp_path / "empty").write_text("\n")

    with pytest.raises(
        ServiceStopError, match=rf"is not set, and '{name.replace('~', str(tmp_path))}', which .* {what}"
    ):
        mm.embed_texts(["a"], model=client(), cache=False)


@pytest.mark.parametrize("dress", ["{}\n", "'{}'", '"{}"', "  {} \r\n", '"{}"\n'])
def test_quotes_and_line_ends_around_a_key_do_not_matter(service, client, monkeypatch, dress):
    monkeypatch.setenv("DASHSCOPE_API_KEY", dress.format(service.api_key))

    assert mm.embed_texts(["a"], model=client(), cache=False).ok.all()


def test_a_key_is_found_in_a_file_at_call_time(service, client, monkeypatch, tmp_path):
    monkeypatch.delenv("DASHSCOPE_API_KEY")
    model = client()
    (tmp_path / "key").write_text(service.api_key + "\n")
    monkeypatch.setenv("DASHSCOPE_API_KEY_FILE_PATH", str(tmp_path / "key"))

    assert mm.embed_texts(["a"], model=model, cache=False).ok.all()


def test_a_wrong_key_says_what_to_look_at(service, client, monkeypatch):
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-wrong-one")

    with pytest.raises(ServiceStopError, match=r"InvalidApiKey.*check DASHSCOPE_API_KEY.*region.*127.0.0.1.*HTTP 401"):
        mm.embed_texts(["a"], model=client(), cache=False)


def test_the_key_appears_nowhere(service, client, tmp_path, caplog):
    key = service.api_key
    service.queue.append(FAULTS["InternalError"])
    with caplog.at_level(logging.DEBUG):
        emb = mm.embed_texts(["a", "b"], model=client(), cache=tmp_path / "cache")
        service.queue.append("InvalidApiKey")
        with pytest.raises(ServiceStopError) as caught:
            mm.embed_texts(["c"], model=client(), cache=tmp_path / "cache")
        service.queue.append(type(FAULTS["413"])(400, "InvalidParameter", f"your key {key} is odd"))
        with pytest.raises(EmbeddingError) as echoed:
            mm.embed_texts(["d"], model=client(), cache=tmp_path / "cache")
    embedder = mm.Embedder(client(), cache=str(tmp_path / "cache")).fit(["a"])
    embedder.transform(["a"])
    emb.save(tmp_path / "x.parquet")

    seen = [
        caplog.text,
        repr(emb),
        emb._repr_html_(),
        repr(embedder),
        str(caught.value),
        str(echoed.value),
        repr(client()),
    ]
    seen += [repr(r.getMessage()) for r in caplog.records]
    kept = [p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()]
    kept.append(pickle.dumps(clone(mm.Embedder(mm.DashScope(), cache=str(tmp_path / "cache"))).fit(["a"])))
    assert caplog.records
    assert not any(key in text for text in seen)
    assert not any(key.encode() in data for data in kept)
    frames = traceback_values(caught.value) + traceback_values(echoed.value)
    assert not any(key in value for value in frames)


def test_the_log_shows_no_key_that_looks_like_another_word(service, client, monkeypatch, caplog):
    monkeypatch.setattr(service, "api_key", key := "account7of9")
    monkeypatch.setenv("DASHSCOPE_API_KEY", key)

    with caplog.at_level(logging.DEBUG):
        mm.embed_texts([f"the key {key} is odd"], model=client(), cache=False)

    assert "is odd" in caplog.text
    assert key not in caplog.text


def traceback_values(error):
    """Everything that a verbose traceback would print, causes included."""
    values, todo = [], [error]
    while todo:
        one = todo.pop()
        todo += [e for e in (one.__cause__, one.__context__) if e is not None]
        frame = one.__traceback__
        while frame is not None:
            if frame.tb_frame.f_code.co_filename != __file__:
                values += [repr(v) for v in frame.tb_frame.f_locals.values()]
            frame = frame.tb_next
    return values


def test_a_provider_pickles_and_clones_without_the_key(service):
    model = mm.DashScope(PLUS, region="singapore")

    assert pickle.loads(pickle.dumps(model)) == model
    assert clone(mm.Embedder(model)).model == model
    assert repr(model).startswith("DashScope(model='tongyi-embedding-vision-plus', region='singapore'")


def test_netrc_does_not_replace_the_key(service, client, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    assert mm.embed_texts(["a"], model=client(trust_env=True), cache=False).ok.all()


def test_workspace_and_headers(service, client):
    mm.embed_texts(["a"], model=client(workspace="ws-1"), cache=False)

    headers = service.calls[0].headers
    assert headers["X-DashScope-WorkSpace"] == "ws-1"
    assert headers["user-agent"].startswith("dashscope/2.0")


def test_model_and_region_that_do_not_go_together_are_warned_about(client, monkeypatch):
    from mmtoolkit.providers.dashscope import DashScope

    monkeypatch.setattr(DashScope, "_run", lambda *_: None)
    monkeypatch.setenv("DASHSCOPE_API_KEY", "sk-none")
    model = client(region="singapore")

    with pytest.warns(UserWarning, match="offered in beijing, but https://dashscope-intl.*is singapore"):
        model.embed([mm.Text("a")], dimension=1024, params={}, sink=lambda _: None)


def test_a_changed_space_is_refused_not_mixed(service, client, monkeypatch, tmp_path):
    import datetime

    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path))
    model = client(canary=True)
    mm.embed_texts(["a"], model=model)
    calls = len(service.calls)
    mm.embed_texts(["b"], model=model)  # the same day: not asked again
    assert (calls, len(service.calls)) == (3, 4)
    (kept,) = (tmp_path / "canary").iterdir()
    kept.write_text(
        kept.read_text().replace(
            f'"checked": "{datetime.datetime.now(datetime.UTC).date()}"', '"checked": "2020-01-01"'
        )
    )
    service.drift = True

    with pytest.raises(DriftError, match=r"vectors of 'multimodal-embedding-v1' have changed since.*register_model"):
        mm.embed_texts(["c"], model=model)

    assert {"text": "c"} not in service.contents()


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: "{broken",
        lambda kept: "[" * 100_000,
        lambda kept: "[]",
        lambda kept: json.dumps(kept | {"units": kept["units"][:1]}),
        lambda kept: json.dumps(kept | {"units": [[float("nan")] * 1024] * 4}),  # no cosine would be too small
        lambda kept: json.dumps(kept | {"since": "\x1b[31m2020"}),
        lambda kept: json.dumps({"units": kept["units"]}),
    ],
)
def test_a_damaged_first_day_is_said_and_begins_anew(service, client, monkeypatch, tmp_path, change):
    monkeypatch.setenv("MMTOOLKIT_CACHE", str(tmp_path))
    mm.embed_texts(["a"], model=client(canary=True))
    (kept,) = (tmp_path / "canary").iterdir()
    first = json.loads(kept.read_text()) | {"checked": "2020-01-01"}
    kept.write_text(change(first))

    with pytest.warns(UserWarning, match="is damaged; today's vectors become the new reference"):
        mm.embed_texts(["b"], model=client(canary=True))

    assert json.loads(kept.read_text())["units"] == first["units"]


@pytest.mark.parametrize("name", ["unknown", "multimodal-embeding-v1"])
def test_an_unknown_model_is_refused_with_the_nearest_name(name):
    with pytest.raises(ValueError, match="unknown model"):
        mm.DashScope(name)


def test_the_emulator_starts_by_hand(tmp_path, request):
    process = subprocess.Popen(
        [sys.executable, str(request.config.rootpath / "tests" / "emulator"), "--latency", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = [process.stdout.readline(), process.stdout.readline()]
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)

    assert lines[0].startswith("export DASHSCOPE_HTTP_BASE_URL=http://127.0.0.1:")
    assert lines[1].startswith("export DASHSCOPE_API_KEY=sk-")


def test_a_batch_task_runs_through_its_states(service):
    import requests

    headers = {"Authorization": f"Bearer {service.api_key}", "X-DashScope-Async": "enable"}
    body = {"model": "text-embedding-v1", "input": {"texts": ["a"]}}
    with requests.Session() as session:
        url = f"{service.base_url}/services/embeddings/text-embedding/text-embedding"
        task = session.post(url, json=body, headers=headers).json()["output"]["task_id"]
        states = [session.get(f"{service.base_url}/tasks/{task}").json()["output"]["task_status"] for _ in range(3)]

    assert states == ["PENDING", "RUNNING", "SUCCEEDED"]


def test_a_run_from_the_cache_needs_neither_key_nor_sdk(service, client, tmp_path, monkeypatch):
    mm.embed_texts(["a", "b"], model=client(), cache=tmp_path)
    code = (
        "import sys, mmtoolkit as mm; mm.estimate(['a'], model='multimodal-embedding-v1', cache=sys.argv[1]);"
        "emb = mm.embed_texts(['b', 'a'], model='multimodal-embedding-v1', cache=sys.argv[1]);"
        "print(emb.usage['cached'], 'dashscope' in sys.modules, 'requests' in sys.modules)"
    )
    monkeypatch.delenv("DASHSCOPE_API_KEY")

    out = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True).stdout

    assert out.split() == ["2", "False", "False"]


def test_a_report_and_a_saved_classifier_hold_no_key(service, client, tmp_path):
    texts = [f"{word} thing number {i}" for i in range(15) for word in ("red", "blue")]
    emb = mm.embed_texts(texts, model=client("text-embedding-v4"), cache=tmp_path / "cache")
    result = mm.classify(emb, y=np.array(["r", "b"] * 15), cv=3)
    mm.report(result, title="colours").save(tmp_path / "report.html")
    mm.report(result, title="colours").save(tmp_path / "report.json")
    result.save(tmp_path / "model")

    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert len(files) >= 4
    assert not any(service.api_key.encode() in p.read_bytes() for p in files)


def test_a_proxy_that_blocks_is_named_as_a_cause(service, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setenv("NO_PROXY", "")
    seconds = iter(range(10_000))
    blocked = mm.DashScope(PLUS, trust_env=True, clock=lambda: float(next(seconds)), sleep=lambda s: None)

    with pytest.raises(mm.MMToolkitError, match=r"check the network, the proxy and base_url"):
        mm.embed_texts(["a"], model=blocked, cache=False, progress=False)
    assert mm.embed_texts(
        ["a"], model=mm.DashScope(PLUS), cache=False, progress=False
    ).ok.all()  # none is used unless asked
