"""The networks that are timed, made in PyTorch with random weights: a checkpoint, its ONNX export and an input.

    networks.py NAME STEM          writes STEM.pth, STEM.onnx and STEM.input, and prints the outputs' names and shapes

Each network is the PyTorch definition that limn's reference tensors come from (tests/reference).
"""

import importlib
import inspect
import json
import os
import sys
from typing import Callable, NamedTuple, Tuple

TOOLS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REFERENCE = os.path.join(os.path.dirname(TOOLS), "tests", "reference")
sys.path.insert(0, REFERENCE)


class Network(NamedTuple):
    title: str
    height: int
    width: int
    make: Callable  # returns the PyTorch module
    outputs: Tuple[str, ...] = ("heatmaps",)
    convert: Tuple[str, ...] = ()  # options of tools/convert.py beside --input


def definition(module):
    """A module of tests/reference; only when it is wanted, since it needs PyTorch."""
    return importlib.import_module(module)


def pose_resnet(depth):
    return definition("pose_resnet").PoseResNet(depth, keypoints=16)


NETWORKS = {
    "resnet18_256x256": Network("ResNet18 + 3 deconvolutions", 256, 256, lambda: pose_resnet(18)),
    "resnet18_256x192": Network("ResNet18 + 3 deconvolutions", 256, 192, lambda: pose_resnet(18)),
    "resnet50_256x256": Network("ResNet50 + 3 deconvolutions", 256, 256, lambda: pose_resnet(50)),
    "hrnet_w32_256x256": Network("HRNet-W32", 256, 256, lambda: definition("hrnet").HRNet(32, keypoints=17)),
    "body_224x224": Network(
        "Pose-ResNet18-Body",
        224,
        224,
        lambda: definition("cmap_paf").CmapPaf(18, keypoints=18, links=21),
        ("heatmaps", "part_affinity"),
    ),
}

INT8_NETWORKS = ("resnet18_256x256", "resnet50_256x256", "hrnet_w32_256x256")  # timed in 8 bits unless others are named


def randomize_batch_norms(network):
    """Fresh ones are the identity: folding them wrongly would not show."""
    from torch import nn

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-0.1, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.1, 0.1)


def write(network, stem):
    """Returns [[name, shape], ...] of the outputs."""
    import torch

    torch.manual_seed(0)
    module = network.make().eval()
    randomize_batch_norms(module)
    x = torch.randn(1, 3, network.height, network.width)
    with torch.no_grad():
        results = module(x)
    results = results if isinstance(results, (tuple, list)) else [results]
    torch.save(module.state_dict(), stem + ".pth")
    x.numpy().astype("<f4").tofile(stem + ".input")
    options = {"input_names": ["input"], "output_names": list(network.outputs), "opset_version": 13}
    if "dynamo" in inspect.signature(torch.onnx.export).parameters:
        options["dynamo"] = False  # the exporter that needs nothing but PyTorch
    torch.onnx.export(module, x, stem + ".onnx", **options)
    return [[name, list(result.shape[1:])] for name, result in zip(network.outputs, results)]


def main():
    try:
        import torch  # noqa: F401, to say it in one line
    except ImportError:
        sys.exit("networks.py: PyTorch is missing")
    name, stem = sys.argv[1:]
    print(json.dumps(write(NETWORKS[name], stem)))


if __name__ == "__main__":
    main()
