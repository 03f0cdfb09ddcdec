"""What the converter's tests need: checkpoints written by hand, and the model files read back.

Pickles are written opcode by opcode, without PyTorch and so that they can also be what PyTorch would never write.
"""

import io
import json
import struct
import zipfile
from collections import OrderedDict
from typing import NamedTuple

import numpy as np

NARROW = 4  # channels of the stem instead of 64
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


# ---- Writing checkpoints -------------------------------------------------------------------------------------------


class Global(NamedTuple):
    module: str
    name: str


class Call(NamedTuple):
    function: object
    arguments: tuple


class Persistent(NamedTuple):
    id: object


class Build(NamedTuple):
    """An object whose attributes the pickle sets."""

    object: object
    state: object


class Storage:
    def __init__(self, kind, data, count=None):
        self.kind = kind
        self.data = data
        self.count = len(data) // ITEM_SIZES[kind] if count is None else count


class Tensor(NamedTuple):
    storage: Storage
    offset: int
    shape: tuple
    stride: tuple


ITEM_SIZES = {"FloatStorage": 4, "DoubleStorage": 8, "HalfStorage": 2, "BFloat16Storage": 2, "LongStorage": 8}
DTYPE_KINDS = {"<f4": "FloatStorage", "<f8": "DoubleStorage", "<f2": "HalfStorage", "<i8": "LongStorage"}


def tensor(array):
    """An array as a tensor with a storage of its own."""
    array = np.ascontiguousarray(array)
    stride = tuple(step // array.itemsize for step in array.strides)
    return Tensor(Storage(DTYPE_KINDS[array.dtype.str], array.tobytes()), 0, array.shape, stride)


class Pickle:
    """Protocol 2 of values, with the above for what Python's pickle module would not write."""

    def __init__(self, legacy=False):
        self.storages = []
        self.legacy = legacy

    def dumps(self, value):
        return b"\x80\x02" + self.code(value) + b"."

    def code(self, value):
        code = self.code
        if value is None or isinstance(value, bool):
            return {None: b"N", True: b"\x88", False: b"\x89"}[value]
        if isinstance(value, int):
            size = value.bit_length() // 8 + 1
            return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)
        if isinstance(value, float):
            return b"G" + struct.pack(">d", value)
        if isinstance(value, str):
            return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
        if isinstance(value, Global):
            return ("c%s\n%s\n" % value).encode()
        if isinstance(value, Call):
            return code(value.function) + code(tuple(value.arguments)) + b"R"
        if isinstance(value, Persistent):
            return code(value.id) + b"Q"
        if isinstance(value, Build):
            return code(value.object) + code(value.state) + b"b"
        if isinstance(value, Tensor):
            return self.tensor(value)
        if isinstance(value, np.ndarray):
            return self.tensor(tensor(value))
        if isinstance(value, tuple):
            return b"(" + b"".join(map(code, value)) + b"t"
        if isinstance(value, list):
            return b"](" + b"".join(map(code, value)) + b"e"
        if isinstance(value, dict):
            start = b"ccollections\nOrderedDict\n)R" if isinstance(value, OrderedDict) else b"}"
            return start + b"(" + b"".join(code(k) + code(v) for k, v in value.items()) + b"u"
        raise TypeError(type(value))

    def tensor(self, value):
        if value.storage not in self.storages:
            self.storages.append(value.storage)
        storage = self.storage_id(value.storage)
        arguments = (Persistent(storage), value.offset, value.shape, value.stride, False, OrderedDict())
        return self.code(Call(Global("torch._utils", "_rebuild_tensor_v2"), arguments))

    def storage_id(self, storage):
        key = str(self.storages.index(storage))
        id_ = ("storage", Global("torch", storage.kind), key, "cpu", storage.count)
        return id_ + (None,) if self.legacy else id_


def zip_checkpoint(root, byteorder=None, compression=zipfile.ZIP_STORED):
    writer = Pickle()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("archive/data.pkl", writer.dumps(root))
        for key, storage in enumerate(writer.storages):
            archive.writestr("archive/data/%d" % key, storage.data)
        archive.writestr("archive/version", "3\n")
        if byteorder:
            archive.writestr("archive/byteorder", byteorder)
    return file.getvalue()


def legacy_checkpoint(root, little_endian=True, magic=0x1950A86A20F9469CFC6C):
    writer = Pickle(legacy=True)
    system = {"protocol_version": 1001, "little_endian": little_endian, "type_sizes": {"int": 4}}
    parts = [writer.dumps(part) for part in (magic, 1001, system, root)]
    parts.append(writer.dumps([str(key) for key in range(len(writer.storages))]))
    for storage in writer.storages:
        parts.append(struct.pack("<q", storage.count) + storage.data)
    return b"".join(parts)


# ---- Networks, written down from the published layouts and not with the converter's code ----------------------------


class Shapes(OrderedDict):
    """{name: shape} with num_batches_tracked, as PyTorch counts them."""

    def __init__(self, normalization="batch_norm"):
        super().__init__()
        self.normalization = normalization

    def layer(self, conv, norm, shape, channels, bias=False):
        """A convolution and its batch norm; an ablation has a bias instead, or neither."""
        self[conv + ".weight"] = shape
        if bias or self.normalization == "bias":
            self[conv + ".bias"] = (channels,)
        if self.normalization == "batch_norm":
            for part in ("weight", "bias", "running_mean", "running_var"):
                self[norm + "." + part] = (channels,)
            self[norm + ".num_batches_tracked"] = ()

    def block(self, at, bottleneck, into, width):
        out = 4 * width if bottleneck else width
        if bottleneck:
            convs = [(width, into, 1), (width, width, 3), (out, width, 1)]
        else:
            convs = [(width, into, 3), (width, width, 3)]
        for i, (o, c, k) in enumerate(convs, 1):
            self.layer("%sconv%d" % (at, i), "%sbn%d" % (at, i), (o, c, k, k), o)
        if into != out:
            self.layer(at + "downsample.0", at + "downsample.1", (out, into, 1, 1), out)
        return out

    def resnet(self, depth, base):
        self.layer("conv1", "bn1", (base, 3, 7, 7), base)
        into = base
        for stage, count in enumerate(BLOCKS[depth]):
            for block in range(count):
                into = self.block("layer%d.%d." % (stage + 1, block), depth >= 50, into, base * 2**stage)
        return into

    def deconvs(self, into, deconvs, bias, convolutions=False, conv_bias=True):
        for i, (width, kernel) in enumerate(deconvs):
            if convolutions:
                names = ("conv_layers.%d" % (3 * i), "conv_layers.%d" % (3 * i + 1))
                self.layer(*names, (width, into, 3, 3), width, conv_bias)
                into = width
            names = ("deconv_layers.%d" % (3 * i), "deconv_layers.%d" % (3 * i + 1))
            self.layer(*names, (into, width, kernel, kernel), width, bias)
            into = width
        return into

    def conv(self, name, maps, into, kernel):
        self[name + ".weight"] = (maps, into, kernel, kernel)
        self[name + ".bias"] = (maps,)


def shapes_of(
    depth=18,
    keypoints=16,
    deconvs=((8, 4), (8, 4), (8, 4)),
    bias=False,
    final_kernel=1,
    base=NARROW,
    normalization="batch_norm",
):
    """{name: shape} in Microsoft's naming, num_batches_tracked included. deconvs: (channels, kernel) each."""
    shapes = Shapes(normalization)
    into = shapes.deconvs(shapes.resnet(depth, base), deconvs, bias)
    shapes.conv("final_layer", keypoints, into, final_kernel)
    return shapes


def center_net_shapes(
    depth=18,
    classes=1,
    deconvs=((8, 4), (6, 4)),
    bias=False,
    convolutions=False,
    conv_bias=True,
    head=0,
    offsets=True,
    base=NARROW,
    normalization="batch_norm",
):
    """{name: shape} of https://github.com/xingyizhou/CenterNet's msra_resnet.py, or with convolutions between as
    others have them. head: channels of the heads' first convolution."""
    shapes = Shapes(normalization)
    into = shapes.deconvs(shapes.resnet(depth, base), deconvs, bias, convolutions, conv_bias)
    for name, maps in (("hm", classes), ("wh", 2), ("reg", 2))[: 3 if offsets else 2]:
        if head:
            shapes.conv(name + ".0", head, into, 3)
            shapes.conv(name + ".2", maps, head, 1)
        else:
            shapes.conv(name, maps, into, 1)
    return shapes


def hrnet_shapes(width=3, keypoints=17, final_kernel=1, base=NARROW, normalization="batch_norm"):
    """{name: shape} of the authors' HRNet: https://github.com/leoxiaobin/deep-high-resolution-net.pytorch."""
    shapes = Shapes(normalization)

    def sequence(at, into, out, kernel):
        shapes.layer(at + ".0", at + ".1", (out, into, kernel, kernel), out)

    shapes.layer("conv1", "bn1", (base, 3, 3, 3), base)
    shapes.layer("conv2", "bn2", (base, base, 3, 3), base)
    into = base
    for block in range(4):
        into = shapes.block("layer1.%d." % block, True, into, base)
    widths = [width, 2 * width, 4 * width, 8 * width]
    sequence("transition1.0", into, width, 3)
    sequence("transition1.1.0", into, 2 * width, 3)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        if stage == 3:
            sequence("transition2.2.0", 2 * width, 4 * width, 3)
        if stage == 4:
            sequence("transition3.3.0", 4 * width, 8 * width, 3)
        for module in range(modules):
            at = "stage%d.%d" % (stage, module)
            for branch in range(stage):
                for block in range(4):
                    shapes.block("%s.branches.%d.%d." % (at, branch, block), False, widths[branch], widths[branch])
            for i in range(1 if (stage, module) == (4, 2) else stage):
                for j in range(stage):
                    fuse = "%s.fuse_layers.%d.%d" % (at, i, j)
                    if j > i:
                        sequence(fuse, widths[j], widths[i], 1)
                    for k in range(i - j):
                        sequence("%s.%d" % (fuse, k), widths[j], widths[i] if k == i - j - 1 else widths[j], 3)
    shapes.conv("final_layer", keypoints, width, final_kernel)
    return shapes


def trt_pose_shapes(
    depth=18, keypoints=18, links=21, width=8, upsamples=3, flat=0, attention=True, base=NARROW, prefix=True
):
    """{name: shape} of trt_pose's networks, with the classifier; without `prefix` in limn's words and without it."""
    backbone, shapes = Shapes(), Shapes()
    features = backbone.resnet(depth, base)
    for name, shape in backbone.items():
        shapes[("0.resnet." if prefix else "") + name] = shape
    if prefix:
        shapes["0.resnet.fc.weight"] = (1000, features)
        shapes["0.resnet.fc.bias"] = (1000,)
    one = "1." if prefix else ""
    for branch, maps in (("cmap", keypoints), ("paf", 2 * links)):
        up = one + branch + ("_up" if attention or not prefix else "_conv.0")
        last = one + branch + ("_conv" if attention or not prefix else "_conv.1")
        into, module = features, 0
        for _ in range(upsamples):
            shapes.layer("%s.%d" % (up, module), "%s.%d" % (up, module + 1), (into, width, 4, 4), width, bias=True)
            into, module = width, module + 3
            for _ in range(flat):
                shapes.layer("%s.%d" % (up, module), "%s.%d" % (up, module + 1), (width, width, 3, 3), width, bias=True)
                module += 3
        if attention:
            shapes.conv("%s%s_att" % (one, branch), width, width, 3)
        shapes.conv(last, maps, width, 1)
    return shapes


def arrays_for(shapes):
    """{name: array} of random values."""
    random = np.random.RandomState(7)
    arrays = OrderedDict()
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            arrays[name] = np.array(1234, "<i8")
        elif name.endswith("running_var"):
            arrays[name] = random.uniform(0.5, 1.5, shape).astype("<f4")
        else:
            arrays[name] = random.standard_normal(shape).astype("<f4")
    return arrays


def arrays_of(**kind):
    """{name: array} of random values, for shapes_of's network."""
    return arrays_for(shapes_of(**kind))


def lip_name(name):
    """Microsoft's name of a tensor in those of smolboii/single-person-pose-estimation."""
    part, _, rest = name.partition(".")
    if part.startswith("layer"):
        return "resnet_backbone.%d.%s" % (int(part[5:]) + 3, rest)
    place = {"conv1": "resnet_backbone.0", "bn1": "resnet_backbone.1", "final_layer": "heatmap_out.0"}
    return place.get(part, "deconv") + "." + rest


def mmpose_name(name, head):
    """A tensor's name in mmpose's words; head: "keypoint_head" in 0.x, "head" in 1.x."""
    return (head if name.startswith(("deconv_layers.", "final_layer.")) else "backbone") + "." + name


def imgclsmob_name(name):
    """Microsoft's name of a tensor in imgclsmob's words, from the module tree of its simplepose_coco.py."""
    parts = name.split(".")
    last = parts[-1]
    if parts[0] == "conv1":
        return "backbone.init_block.conv.conv." + last
    if parts[0] == "bn1":
        return "backbone.init_block.conv.bn." + last
    if parts[0].startswith("layer"):
        unit = "backbone.stage%s.unit%d." % (parts[0][5:], int(parts[1]) + 1)
        if parts[2] == "downsample":
            return unit + "identity_conv.%s.%s" % ("conv" if parts[3] == "0" else "bn", last)
        kind = "conv" if parts[2].startswith("conv") else "bn"
        return unit + "body.conv%s.%s.%s" % (parts[2][-1], kind, last)
    if parts[0] == "deconv_layers":
        index = int(parts[1])
        return "decoder.unit%d.%s.%s" % (index // 3 + 1, "conv" if index % 3 == 0 else "bn", last)
    return "decoder.final_block." + last


def imgclsmob_center_name(name):
    """CenterNet's name of a tensor in imgclsmob's words, from the module tree of its centernet.py."""
    part, index, last = name.split(".")[0], name.split(".")[1], name.split(".")[-1]
    if part in ("conv_layers", "deconv_layers"):
        unit, kind = divmod(int(index), 3)
        return "decoder.unit%d.%s.%s.%s" % (unit + 1, part.split("_")[0], ("conv", "bn")[kind], last)
    if part in ("hm", "wh", "reg"):
        block = {"hm": "heapmap_block.head", "wh": "wh_block", "reg": "reg_block"}[part]
        return "decoder.heads.%s.%s.%s" % (block, {"0": "conv1.conv", "2": "conv2"}[index], last)
    return imgclsmob_name(name)


def mmdet_center_name(name):
    """CenterNet's name of a tensor in mmdetection's words: a neck of ConvModules and a head (ct_resnet_neck.py)."""
    part, index, last = name.split(".")[0], name.split(".")[1], name.split(".")[-1]
    if part in ("conv_layers", "deconv_layers"):
        unit, kind = divmod(int(index), 3)
        place = 2 * unit + (part == "deconv_layers")
        return "neck.deconv_layers.%d.%s.%s" % (place, ("conv", "bn")[kind], last)
    if part in ("hm", "wh", "reg"):
        head = {"hm": "heatmap", "wh": "wh", "reg": "offset"}[part]
        return "bbox_head.%s_head.%s.%s" % (head, index, last)
    return "backbone." + name


# ---- Reading model files -------------------------------------------------------------------------------------------


def read_model(path):
    """(document, {name: array}) of a safetensors file, after checking the layout that every reader relies on."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length].decode("ascii"))
    metadata = header.pop("__metadata__")
    assert set(metadata) == {"format", "limn"} and metadata["format"] == "pt", metadata
    assert length % 8 == 0, "the values do not start at a multiple of 8"
    values = data[8 + length :]
    position, arrays = 0, {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = {"F32": "<f4", "F16": "<f2"}[entry["dtype"]]
        assert begin == position, "a gap or an overlap before " + name
        assert begin % np.dtype(dtype).itemsize == 0, name + " is not aligned"
        arrays[name] = np.frombuffer(values[begin:end], dtype).reshape(entry["shape"])
        position = end
    assert position == len(values), "bytes after the last tensor"
    return json.loads(metadata["limn"]), arrays
