"""Fit the small linear parts of the offline image embedder and store them in one .npz (fp16).

    pip install wordllama onnxruntime pillow numpy
    python fit_adapter.py efficientnet_lite0_fp16w.onnx datasets/emoji image_text_adapter.npz

"W", "f_mean": ridge map from the CNN's centred, unit-length 1280-d features to the 256-d wordllama
text space, fitted on the image-name pairs of the emoji data set (English names).
"V": PCA projection of the same features to 256 dimensions, for image-image similarity.
"""

import csv
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import wordllama
from PIL import Image


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)


def main(onnx_path, data, out, lam=5.0):
    wl = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    with open(os.path.join(data, "metadata.csv"), encoding="utf8") as table:
        rows = list(csv.DictReader(table))
    sess = ort.InferenceSession(onnx_path, providers=["CPUExecutionProvider"])
    feats = []
    for i in range(0, len(rows), 16):
        x = np.stack(
            [
                np.asarray(Image.open(os.path.join(data, r["image"])).convert("RGB").resize((224, 224), Image.BICUBIC))
                for r in rows[i : i + 16]
            ]
        )
        feats.append(sess.run(["features"], {"image": x})[0])
    feats = np.concatenate(feats).astype(np.float64)
    text = unit(wl.embed([r["text"] for r in rows]).astype(np.float64))
    mean = feats.mean(0)
    x = unit(feats - mean)
    w = np.linalg.solve(x.T @ x + lam * np.eye(x.shape[1]), x.T @ (text - text.mean(0)))
    _, _, vt = np.linalg.svd(x - x.mean(0), full_matrices=False)
    np.savez_compressed(out, W=w.astype(np.float16), f_mean=mean.astype(np.float32), V=vt[:256].T.astype(np.float16))
    print(out, os.path.getsize(out))


if __name__ == "__main__":
    main(*sys.argv[1:4])
