"""Starting from weights that somebody else has trained. Nothing that a file says is run."""

import json
import struct

import numpy as np
import torch

from limn_convert import ConvertError
from limn_convert.checkpoint import Checkpoint, state_dict
from limn_convert.families import recognise, rename

from . import TrainError

SAFETENSORS_DTYPES = {"F32": "<f4", "F16": "<f2"}


def start_from(network, path):
    """Takes over the tensors that a file has of the network's. It is a PyTorch checkpoint, of a ResNet as torchvision
    saves it or of a whole network of a family that convert.py knows, or a limn model file of a float network.

    Returns ([names taken], [names of the network's tensors that stay as they are]). A layer of heatmaps for another
    number of keypoints is not taken; of a wider network of the same depth, some channels are (narrowed()); any other
    tensor of another shape is an error.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from None
    own = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
    try:
        found = _model_file(data) if path.endswith(".safetensors") else _checkpoint(data)
        arrays = {name: found[name]() for name in own if name in found}
    except ConvertError as error:
        raise TrainError(f"{path}: {error}") from None
    if "conv1.weight" in arrays and len(arrays["conv1.weight"]) > len(own["conv1.weight"]):
        arrays = narrowed(arrays, {name: tuple(value.shape) for name, value in own.items()})
    arrays = {name: torch.tensor(array) for name, array in arrays.items()}
    for name in [n for n in arrays if n.startswith("final_layer.") and arrays[n].shape != own[n].shape]:
        del arrays[name]
    for name, array in arrays.items():
        if array.shape != own[name].shape:
            shapes = f"{list(array.shape)}, expected {list(own[name].shape)}"
            raise TrainError(f"{path}: tensor {name} has shape {shapes}")
    if not arrays:
        raise TrainError(f"{path}: none of its tensors ({', '.join(list(found)[:3])}, ...) is one of the network's")
    network.load_state_dict(arrays, strict=False)
    return list(arrays), [name for name in own if name not in arrays]


def narrowed(wide, shapes):
    """The part of a wider network that a narrower one of such `shapes` can start from: its ResNet and deconvolutions.

    Of each convolution's channels those are kept whose batch norm has the largest factors, in absolute value: a channel
    of factor 0 says nothing (Liu et al., "Learning Efficient Convolutional Networks through Network Slimming", 2017).
    What a residual block adds to is judged by the sum over all blocks that add to it. Batch norm then has to find its
    statistics anew, which is what training does.
    """
    result = {}

    def kept(norms, count):
        return np.sort(np.argsort(-sum(np.abs(wide[f"{norm}.weight"]) for norm in norms), kind="stable")[:count])

    def take(conv, norm, inputs, outputs, transposed=False):
        first, second = (inputs, outputs) if transposed else (outputs, inputs)
        result[f"{conv}.weight"] = wide[f"{conv}.weight"][first][:, second]
        for part in ("weight", "bias", "running_mean", "running_var"):
            result[f"{norm}.{part}"] = wide[f"{norm}.{part}"][outputs]

    def count(conv, axis=0):
        return shapes[f"{conv}.weight"][axis]

    blocks = {layer: [] for layer in range(1, 5)}
    for layer, found in blocks.items():
        while f"layer{layer}.{len(found)}.conv1.weight" in shapes:
            found.append(f"layer{layer}.{len(found)}")
    last = 3 if f"{blocks[1][0]}.conv3.weight" in shapes else 2  # convolution of a block
    stream, before = ["bn1"], np.arange(3)
    for layer, names in blocks.items():
        own = [f"{name}.bn{last}" for name in names]
        widens = f"{names[0]}.downsample.0"
        if layer == 1:
            now = kept(stream if f"{widens}.weight" in shapes else stream + own, count("conv1"))
            take("conv1", "bn1", before, now)
            before = now
        if f"{widens}.weight" in shapes:
            now = kept([f"{names[0]}.downsample.1", *own], count(widens))
            take(widens, f"{names[0]}.downsample.1", before, now)
        for name in names:
            inputs = before
            for number in range(1, last + 1):
                conv, norm = f"{name}.conv{number}", f"{name}.bn{number}"
                outputs = now if number == last else kept([norm], count(conv))
                take(conv, norm, inputs, outputs)
                inputs = outputs
            before = now
    deconv = 0
    while all(f"deconv_layers.{deconv}.weight" in tensors for tensors in (shapes, wide)):
        name, norm = f"deconv_layers.{deconv}", f"deconv_layers.{deconv + 1}"
        if count(name, 1) > wide[f"{name}.weight"].shape[1]:
            break
        now = kept([norm], count(name, 1))
        take(name, norm, before, now, transposed=True)
        before = now
        deconv += 3
    return result


def _checkpoint(data):
    """{name: function that gives the values}"""
    tensors = state_dict(Checkpoint(data).load())
    try:
        tensors = rename(recognise(tensors), tensors)[0]
    except ConvertError:
        pass  # of no family: a backbone alone, under its own names
    return {name: tensor.to_float32 for name, tensor in tensors.items()}


def _model_file(data):
    try:
        (length,) = struct.unpack_from("<Q", data)
        header = json.loads(data[8 : 8 + length].decode("utf-8"))
        header.pop("__metadata__", None)
        # Batch norm is folded into its weights: what was trained cannot be had from them.
        if any(entry.get("dtype") == "I8" for entry in header.values()):
            raise ConvertError("is quantised to 8 bit; start from the float model that it was made of")
        return {name: lambda entry=entry: _values(data, 8 + length, entry) for name, entry in header.items()}
    except (struct.error, ValueError, AttributeError, OverflowError) as error:
        raise ConvertError(f"no safetensors file: {error}") from None


def _values(data, start, entry):
    try:
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[start + begin : start + end], SAFETENSORS_DTYPES[entry["dtype"]])
        return values.reshape(entry["shape"]).astype("<f4")
    except (KeyError, ValueError, TypeError) as error:
        raise ConvertError(f"no safetensors file with F32 and F16 tensors: {error}") from None
