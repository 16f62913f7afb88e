"""The DashScope client against the emulated service: speed, peers, faults, outages, kill -9. No key, no network.

Run ``python benchmarks/dashscope_client.py`` for all trials, or name some: ``python benchmarks/dashscope_client.py speed faults``.
Prints JSON and a Markdown table. Clocks run `SCALE` times faster than real time; those of `texts` and `outage` in real time
with ``SCALE=1``.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from emulator import FAULTS, Emulator, magic  # noqa: E402

import mmtoolkit as mm  # noqa: E402
from mmtoolkit.providers.queue.runner import MOST_WORKERS  # noqa: E402

SCALE = float(os.environ.get("SCALE", "2"))
MODEL = "tongyi-embedding-vision-plus"


def clock() -> float:
    return time.monotonic() * SCALE


def sleep(seconds: float) -> None:
    time.sleep(seconds / SCALE)


def client(emulator, model=MODEL, **options):
    os.environ["DASHSCOPE_API_KEY"] = emulator.api_key
    return mm.DashScope(model, base_url=emulator.base_url, clock=clock, sleep=sleep, **options)


def packed(contents_per_call: int) -> None:
    packs = ("text", "image") if contents_per_call > 1 else ()
    mm.register_model(dataclasses.replace(mm.get_model(MODEL), contents_per_call=contents_per_call, packs=packs))


def speed() -> dict:
    """2,000 items at 600 requests a minute and 300 ms latency, one content per request."""
    rows = {}
    texts = [f"text number {i} about {['red', 'green', 'blue'][i % 3]}" for i in range(2000)]
    for name, per_call, n in (("ours, 1 per request", 1, 2000), ("ours, 8 per request", 8, 2000)):
        packed(per_call)
        with Emulator(rpm=600, scale=SCALE, latency_s=0.3) as emulator, tempfile.TemporaryDirectory() as folder:
            mm.embed_texts(["warm up: imports, first connection"], model=client(emulator), cache=False, progress=False)
            emulator.records.clear()
            began = time.monotonic()
            emb = mm.embed_texts(texts[:n], model=client(emulator), cache=folder, progress=False)
            seconds = (time.monotonic() - began) * SCALE
            refused = sum(record.status == 429 for record in emulator.calls)
            rows[name] = {
                "items": n, "model_seconds": round(seconds, 1), "items_per_s": round(n / seconds, 2),
                "share_of_rate": round(len(emulator.calls) / seconds / 10, 3), "refused_429": refused,
                "lost": int((~emb.ok).sum()), "connections": emulator.connections, "peak_concurrency": emulator.peak,
                "in_order": bool((emb.ids == [str(i) for i in range(n)]).all()),
            }  # fmt: skip
    packed(8)
    rows["script, one call at a time"] = script(texts[:100])
    base = rows["script, one call at a time"]["items_per_s"]
    for row in rows.values():
        row["times_the_script"] = round(row["items_per_s"] / base, 2)
    return rows


def texts() -> dict:
    """2,000 short texts with multimodal-embedding-v1 at 120 requests a minute and 300 ms: requests and seconds."""
    name, n = "multimodal-embedding-v1", 2000
    with Emulator(rpm=120, tpm=200_000, scale=SCALE, latency_s=0.3) as emulator:
        began = time.monotonic()
        emb = mm.embed_texts(
            [f"short text number {i}" for i in range(n)], model=client(emulator, name), cache=False, progress=False
        )
        seconds = (time.monotonic() - began) * SCALE
        requests = len(emulator.calls)
        return {
            name: {
                "items": n, "requests": requests, "model_seconds": round(seconds, 1), "least_seconds": requests / 2,
                "items_per_s": round(n / seconds, 1), "refused_429": sum(r.status == 429 for r in emulator.calls),
                "lost": int((~emb.ok).sum()),
            }
        }  # fmt: skip


def stops() -> dict:
    """200 items and a failure that concerns all of them: how many requests."""
    rows = {}
    for name in ("InsufficientQuota403", "NoModel400", "NoHttpCall", "InvalidApiKey", "ignored dimension"):
        with Emulator(scale=SCALE) as emulator:
            emulator.ignores_dimension = name == "ignored dimension"
            emulator.queue.extend([] if emulator.ignores_dimension else [name] * 200)
            began = time.monotonic()
            try:
                mm.embed_texts(
                    [f"text {i}" for i in range(200)],
                    model=client(emulator),
                    dimension=512,
                    cache=False,
                    progress=False,
                )
            except mm.MMToolkitError as error:
                rows[name] = {
                    "error": type(error).__name__,
                    "requests": len(emulator.calls),
                    "seconds": round(time.monotonic() - began, 2),
                }
    return rows


def outage() -> dict:
    """2,000 texts, and a service that refuses connections for a minute in the middle."""
    rows = {}
    for name, per_minute in (("multimodal-embedding-v1", 120), (MODEL, 600)):
        with Emulator(rpm=per_minute, scale=SCALE, latency_s=0.3) as emulator, tempfile.TemporaryDirectory() as folder:
            under_way = []

            def leave(emulator=emulator, under_way=under_way):
                while len(emulator.contents()) < 1000:
                    time.sleep(0.02)
                under_way.append(emulator.concurrent)
                emulator.go_away()
                time.sleep(60 / SCALE)
                emulator.come_back()

            thread = threading.Thread(target=leave, daemon=True)
            thread.start()
            began = time.monotonic()
            emb = mm.embed_texts(
                [f"text {i}" for i in range(2000)], model=client(emulator, name), cache=folder, progress=False
            )
            thread.join()
            asked = Counter(content["text"] for content in emulator.contents())
            rows[name] = {
                "items": 2000, "lost": int((~emb.ok).sum()), "requests": len(emulator.calls),
                "model_seconds": round((time.monotonic() - began) * SCALE, 1), "requests_under_way_then": under_way[0],
                "items_asked_twice": sum(n > 1 for text, n in asked.items() if text != "ok"),
            }  # fmt: skip
    return rows


def script(texts: list[str]) -> dict:
    """Loop as the SDK's documentation shows: one call after the other."""
    import dashscope

    with Emulator(rpm=600, scale=SCALE, latency_s=0.3) as emulator:
        began = time.monotonic()
        for text in texts:
            answer = dashscope.MultiModalEmbedding.call(
                model=MODEL, input=[{"text": text}], api_key=emulator.api_key, base_address=emulator.base_url
            )
            assert answer.status_code == 200
        seconds = (time.monotonic() - began) * SCALE
        return {"items": len(texts), "model_seconds": round(seconds, 1), "items_per_s": round(len(texts) / seconds, 2),
                "connections": emulator.connections}  # fmt: skip


PEER = """
import sys, time, warnings; warnings.filterwarnings("ignore")
import dashscope
name, url, key, n = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
dashscope.base_http_api_url = url
texts = [f"text number {i}" for i in range(n)]
if name == "langchain":
    from langchain_community.embeddings import DashScopeEmbeddings
    client = DashScopeEmbeddings(model="text-embedding-v4", dashscope_api_key=key)
    run = lambda: client.embed_documents(texts)
else:
    from llama_index.embeddings.dashscope import DashScopeEmbedding
    client = DashScopeEmbedding(model_name="text-embedding-v4", api_key=key, embed_batch_size=10)
    run = lambda: client.get_text_embedding_batch(texts)
began = time.monotonic()
try:
    found = run()
    print(len([v for v in found if v]), time.monotonic() - began)
except Exception as error:
    print("failed", type(error).__name__, str(error)[:150].replace(chr(10), " "))
"""


def peers() -> dict:
    """Text part: 1,000 texts with text-embedding-v4 at 1,800 requests a minute and 300 ms, without and with one 500."""
    rows = {}
    n = 1000
    for trouble in ("calm", "one 500 in the middle"):
        for name in ("ours", "langchain", "llamaindex"):
            with Emulator(rpm=1800, scale=SCALE, latency_s=0.3) as emulator:
                if trouble != "calm":
                    emulator.fail_at = {50: "InternalError"}
                if name == "ours":
                    model = dataclasses.replace(client(emulator), model="text-embedding-v4")
                    mm.embed_texts(["warm up: imports, first connection"], model=model, cache=False, progress=False)
                    emulator.records.clear()
                    began = time.monotonic()
                    emb = mm.embed_texts(
                        [f"text number {i}" for i in range(n)], cache=False, progress=False,
                        model=model,
                    )  # fmt: skip
                    out = f"{int(emb.ok.sum())} {time.monotonic() - began}"
                else:
                    python = os.environ.get("PEERS_PYTHON", sys.executable)
                    run = subprocess.run(
                        [python, "-c", PEER, name, emulator.base_url, emulator.api_key, str(n)], capture_output=True, text=True, check=False
                    )  # fmt: skip
                    out = run.stdout.strip() or run.stderr.strip().splitlines()[-1]
                words = out.split()
                row = {"requests": len(emulator.calls), "texts_billed": sum(
                    len(r.body["input"]["texts"]) for r in emulator.calls if r.status == 200)}  # fmt: skip
                if words[0].isdigit():
                    seconds = float(words[1]) * SCALE
                    row |= {
                        "texts": int(words[0]),
                        "model_seconds": round(seconds, 1),
                        "texts_per_s": round(n / seconds, 1),
                    }
                else:
                    row["outcome"] = out[:160]
                rows[f"{name}, {trouble}"] = row
    return rows


def connections() -> dict:
    """1,000 calls: how many connections, how many at once."""
    packed(1)
    with Emulator(scale=SCALE, latency_s=0.3) as emulator:
        mm.embed_texts([f"text {i}" for i in range(1000)], model=client(emulator), cache=False, progress=False)
        return {
            "1,000 calls": {
                "calls": len(emulator.calls),
                "connections": emulator.connections,
                "most_at_once": emulator.peak,
            }
        }


def faults() -> dict:
    """Every fault that can heal or belongs to an item, mixed at 10 % into 2,000 texts; then every fatal one."""
    rows = {}
    healing = sorted(name for name, fault in FAULTS.items() if fault.act == "retry")
    fine = sorted(name for name, fault in FAULTS.items() if fault.act in ("fine", "pack"))
    poison = sorted(name for name, fault in FAULTS.items() if fault.act == "item")
    broken = ["nan", "zero", "wrong-dimension"]  # these for ever: never to be cached
    mixed = [(name, 1) for name in healing + fine] + [(name, None) for name in poison + broken]
    for per_call in (1, 8):
        packed(per_call)
        texts = [f"text number {i}" + (magic(*mixed[i // 10 % len(mixed)]) if i % 10 == 0 else "") for i in range(2000)]
        bad = {i for i in range(0, 2000, 10) if mixed[i // 10 % len(mixed)][1] is None}
        with Emulator(scale=SCALE, latency_s=0.05) as emulator, tempfile.TemporaryDirectory() as folder:
            emulator.slow_s = 4.0
            model = client(emulator, timeout_s=3.0)
            began = time.monotonic()
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                emb = mm.embed_texts(texts, model=model, cache=folder, on_error="nan", progress=False)
            seconds = time.monotonic() - began
            calm = mm.embed_texts(
                [t for i, t in enumerate(texts) if i not in bad], model=model, cache=folder, progress=False
            )
            rows[f"mixed at 10 %, {per_call} per request"] = {
                "seconds": round(seconds, 1), "requests": len(emulator.calls), "kinds": len(mixed),
                "healthy": 2000 - len(bad), "healthy_arrived": int(emb.ok.sum()), "bad": len(bad),
                "bad_named": len(set(emb.failed["row"]) & bad), "wrongly_failed": len(set(emb.failed["row"]) - bad),
                "asked_again_on_second_run": calm.usage["computed"],
            }  # fmt: skip
    packed(1)
    stops = Counter()
    fatal = sorted(name for name, fault in FAULTS.items() if fault.act == "stop")
    for name in fatal:
        with Emulator() as emulator, tempfile.TemporaryDirectory() as folder:
            texts = [f"text {i}" + (magic(name) if i == 20 else "") for i in range(40)]
            try:
                mm.embed_texts(texts, model=client(emulator), cache=folder, progress=False)
            except mm.MMToolkitError as error:
                stops[type(error).__name__] += 1
            arrived = sum(record.status == 200 for record in emulator.calls)
            again = mm.embed_texts(texts[:20] + texts[21:], model=client(emulator), cache=folder, progress=False)
            stops["kept all that arrived"] += again.usage["cached"] == arrived
    rows["fatal, each on its own"] = {"kinds": len(fatal), **stops}
    return rows


VICTIM = """
import os, sys, dataclasses; sys.path.insert(0, {tests!r})
import mmtoolkit as mm
model = "tongyi-embedding-vision-plus"
mm.register_model(dataclasses.replace(mm.get_model(model), contents_per_call={per_call}, packs=("text",), rpm=12000))
mm.embed_texts([f"text {{i}}" for i in range(1000)], model=model, cache={folder!r}, progress=False)
"""


def killed() -> dict:
    """Kill -9 after 60 % of 1,000 items, run again: how many batches are asked twice."""
    rows = {}
    for per_call in (1, 8):
        for trial in range(3):
            with Emulator(latency_s=0.05) as emulator, tempfile.TemporaryDirectory() as folder:
                code = VICTIM.format(tests=str(ROOT / "tests"), per_call=per_call, folder=folder)
                env = {
                    **os.environ,
                    "DASHSCOPE_API_KEY": emulator.api_key,
                    "DASHSCOPE_HTTP_BASE_URL": emulator.base_url,
                }
                victim = subprocess.Popen([sys.executable, "-c", code], env=env)
                while len(emulator.contents()) < 600 and victim.poll() is None:
                    time.sleep(0.005)
                victim.send_signal(signal.SIGKILL)
                victim.wait()
                asked = len(emulator.contents())
                time.sleep(0.2)
                subprocess.run([sys.executable, "-c", code], env=env, check=True)
                twice = sum(count > 1 for count in Counter(c["text"] for c in emulator.contents()).values())
                rows[f"{per_call} per request, trial {trial + 1}"] = {
                    "asked_before": asked, "asked_twice": twice, "at_once_at_the_service": emulator.peak,
                    "most_workers": MOST_WORKERS, "allowed": MOST_WORKERS * per_call,
                }  # fmt: skip
    return rows


def main() -> None:
    trials = {f.__name__: f for f in (speed, texts, peers, connections, stops, outage, faults, killed)}
    found = {name: trials[name]() for name in sys.argv[1:] or trials}
    print(json.dumps(found, indent=2))
    for name, rows in found.items():
        print(f"\n{name}: {trials[name].__doc__.splitlines()[0]}\n")
        columns = list(dict.fromkeys(key for row in rows.values() for key in row))
        print("| | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 1))
        for label, row in rows.items():
            print(f"| {label} | " + " | ".join(str(row.get(column, "")) for column in columns) + " |")


if __name__ == "__main__":
    main()
