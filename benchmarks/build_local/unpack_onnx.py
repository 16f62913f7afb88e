"""Write the layers of the converted network as plain arrays, so that nothing but numpy is needed to read them.

Build-time only: the package ``onnx`` is needed here, never at run time.

    pip install onnx
    python unpack_onnx.py efficientnet_lite0.onnx ../../mmtoolkit/providers/local/weights/efficientnet_lite0.npz

Names are ``stem``, ``0.expand``, ``0.depthwise``, ``0.project``, ..., ``head``, ``classes``, each with ``.weight`` and
``.bias``; channels come last, so that a layer is a matrix product of pixels by channels. ``strides`` are the blocks'.
"""

import sys

import numpy as np
import onnx
from onnx import numpy_helper


def layers(path):
    """Return the arrays of the convolutions in order, and those of the classifier."""
    graph = onnx.load(path).graph
    known = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    known |= {n.output[0]: known[n.input[0]] for n in graph.node if n.op_type == "Cast" and n.input[0] in known}
    arrays, strides = {}, []
    for node in (n for n in graph.node if n.op_type == "Conv"):
        name = node.output[0].strip("/_").removesuffix("/Conv_output_0").removesuffix("_conv")
        name = name.removeprefix("conv_").removeprefix("blocks.").replace("/_", ".")
        about = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        weight = known[node.input[1]].transpose(2, 3, 1, 0)
        if about["group"] > 1:
            strides.append(about["strides"][0])
            weight = weight[:, :, 0]
        elif weight.shape[0] == 1:
            weight = weight[0, 0]
        arrays |= {f"{name}.weight": np.ascontiguousarray(weight), f"{name}.bias": known[node.input[2]]}
    arrays |= {
        "classes.weight": np.ascontiguousarray(known["core._fc.weight"].T),
        "classes.bias": known["core._fc.bias"],
    }
    return arrays | {"strides": np.array(strides, np.uint8)}


if __name__ == "__main__":
    np.savez_compressed(sys.argv[2], **layers(sys.argv[1]))
