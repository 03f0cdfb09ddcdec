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
    saves it or of a whole network of a family that convert.py knows, or a limn model file.

    Returns ([names taken], [names of the network's tensors that stay as they are]). A layer of heatmaps for another
    number of keypoints is not taken; any other tensor of another shape is an error.
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
