"""Reads what torch.save wrote, with numpy alone.

A checkpoint is a pickle beside raw storages. Unpickling runs whatever the pickle names, so this unpickler knows only
the names below, and each stands for code of this file: tensors, containers, nothing else. Two formats:

zip     since PyTorch 1.6: NAME/data.pkl, NAME/data/KEY for each storage, NAME/byteorder in later versions
legacy  before it: pickles of a magic number, the protocol version, the writer's system, the object and the storage
        keys, one after the other, then for each key an int64 count and the raw values

Source: PyTorch, torch/serialization.py (save, _legacy_save) and torch/_utils.py (_rebuild_*).
"""

import collections
import hashlib
import io
import pickle
import pickletools
import struct
import zipfile

import numpy as np

from . import ConvertError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001


# ---- What a pickle may build ---------------------------------------------------------------------------------------


class _Built:
    """An object built for a pickle, which cannot alter it afterwards."""

    __slots__ = ()

    def __setstate__(self, state):
        raise ConvertError("the pickle sets attributes of a %s" % type(self).__name__.lower())


class Mapping(dict):
    """Stands in for OrderedDict and its kin. Attributes (torch's `_metadata`) are dropped."""

    def __init__(self, *args):
        super().__init__(args[0] if args and isinstance(args[0], (dict, list)) else ())

    def __setstate__(self, state):
        pass


class Passed(_Built):
    """Stands in for what training frameworks keep beside the tensors. Nothing is known of it, and nothing is done."""

    def __init__(self, *_):
        pass

    def __setstate__(self, state):
        pass


class StorageType(_Built):
    """The element type of a storage: torch's class name and numpy's name for its little-endian bytes."""

    __slots__ = ("name", "dtype", "is_float")

    def __init__(self, name, dtype):
        self.name = name
        self.dtype = np.dtype(dtype)
        self.is_float = self.dtype.kind == "f" or name == "BFloat16Storage"


class Storage(_Built):
    """A run of values in the checkpoint, read when first asked for."""

    __slots__ = ("key", "type", "count", "_read", "_values")

    def __init__(self, key, type_, count, read):
        self.key, self.type, self.count, self._read, self._values = key, type_, count, read, None

    def values(self):
        if self._values is None:
            self._values = np.frombuffer(self._read(self), self.type.dtype)
        return self._values

    def size_in_bytes(self):
        return self.count * self.type.dtype.itemsize


class Tensor(_Built):
    """A view of a storage: offset, shape and stride, all counted in values. Always within its storage."""

    __slots__ = ("storage", "offset", "shape", "stride")

    def __init__(self, storage, offset, shape, stride):
        extents = (offset,) + tuple(shape) + tuple(stride)
        if not isinstance(storage, Storage) or len(shape) != len(stride):
            raise ConvertError("the pickle builds a tensor from something else than a storage, a shape and a stride")
        if any(type(n) is not int or n < 0 for n in extents):
            raise ConvertError("the pickle builds a tensor with offset, shape and stride %s" % (extents,))
        end = offset + sum((n - 1) * step for n, step in zip(shape, stride)) + 1
        if 0 not in shape and end > storage.count:
            raise ConvertError(
                "a tensor of shape %s reaches value %d of storage %s, which has %d"
                % (list(shape), end, storage.key, storage.count)
            )
        self.storage, self.offset, self.shape, self.stride = storage, offset, tuple(shape), tuple(stride)

    @property
    def is_float(self):
        return self.storage.type.is_float

    @property
    def type_name(self):
        return self.storage.type.name

    def first(self):
        """Of its parts along the first axis the first one, with that axis."""
        return Tensor(self.storage, self.offset, (1,) + self.shape[1:], self.stride)

    def to_float32(self):
        """The values as a contiguous float32 array of the tensor's shape; only for floating-point tensors."""
        values = self.storage.values()[self.offset :]
        steps = [step * values.itemsize for step in self.stride]
        view = np.lib.stride_tricks.as_strided(values, self.shape, steps, writeable=False)
        if self.storage.type.name == "BFloat16Storage":
            return (np.ascontiguousarray(view).astype("<u4") << 16).view("<f4")
        with np.errstate(over="ignore"):  # a double beyond float32 becomes inf, which is refused later, by name
            return np.ascontiguousarray(view, "<f4")


def _rebuild_tensor(storage, offset, shape, stride, *_requires_grad_and_hooks):
    return Tensor(storage, offset, shape, stride)


def _rebuild_parameter(tensor, *_requires_grad_and_hooks):
    return tensor


_STORAGE_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "BFloat16Storage": "<u2",  # the upper half of a float32
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "u1",
}

def zeros(count):
    """A tensor that no checkpoint holds."""
    storage = Storage("zero", StorageType("FloatStorage", _STORAGE_DTYPES["FloatStorage"]), 1, lambda _: bytes(4))
    return Tensor(storage, 0, (count,), (0,))


# Every name that a pickle may use, and what it gets.
_KNOWN = {
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("collections", "OrderedDict"): Mapping,
    ("collections", "defaultdict"): Mapping,
    ("collections", "Counter"): Mapping,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    # mmpose 1.x (mmengine) writes numpy arrays and logs into a checkpoint's "meta" and "message_hub".
    ("_codecs", "encode"): Passed,
    ("numpy", "dtype"): Passed,
    ("numpy", "ndarray"): Passed,
    ("numpy.core.multiarray", "_reconstruct"): Passed,
    ("numpy.core.multiarray", "scalar"): Passed,
    ("numpy._core.multiarray", "_reconstruct"): Passed,
    ("numpy._core.multiarray", "scalar"): Passed,
    ("mmengine.logging.history_buffer", "HistoryBuffer"): Passed,
}
_KNOWN.update({("torch", name): StorageType(name, dtype) for name, dtype in _STORAGE_DTYPES.items()})


class _Refused(ConvertError):
    pass


class _Unpickler(pickle.Unpickler):
    def __init__(self, file, read_storage):
        super().__init__(file, encoding="utf-8")
        self._file = file
        self.storages = {}
        self._read_storage = read_storage

    def load(self):
        start = self._file.tell()
        _check_memo(self._file)
        self._file.seek(start)
        return super().load()

    def find_class(self, module, name):
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise _Refused(
                "the pickle asks for %s.%s, which is neither tensor nor container, and is refused "
                "(a checkpoint that you trust can be saved again as its state dict alone)" % (module, name)
            ) from None

    def persistent_load(self, pid):
        # ("storage", type, key, device, count), in the legacy format with a sixth element for views of storages
        if not isinstance(pid, tuple) or len(pid) not in (5, 6) or pid[0] != "storage" or pid[5:] not in ((), (None,)):
            raise ConvertError("the pickle refers to %.80r, which is no storage" % (pid,))
        _, type_, key, _, count = pid[:5]
        if not isinstance(type_, StorageType) or not isinstance(key, str) or type(count) is not int or count < 0:
            raise ConvertError("the pickle refers to a storage in a way PyTorch does not: %.80r" % (pid,))
        storage = self.storages.setdefault(key, Storage(key, type_, count, self._read_storage))
        if storage.type is not type_ or storage.count != count:
            raise ConvertError("storage %s is referred to with two different types or sizes" % key)
        return storage


def _check_memo(file):
    """Python's unpickler makes room for whatever place a value is put at: of ten bytes, many gigabytes."""
    for count, (opcode, place, _) in enumerate(pickletools.genops(file)):
        if opcode.name in ("PUT", "BINPUT", "LONG_BINPUT") and place > count:
            raise ConvertError("the pickle puts a value at place %d of its memo, after %d opcodes" % (place, count))


def _load(unpickler):
    try:
        return unpickler.load()
    except ConvertError:
        raise
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise ConvertError("its pickle cannot be read: %s" % (error or type(error).__name__)) from None


# ---- The two formats -----------------------------------------------------------------------------------------------


def _is_zip(data):
    return data[:4] == b"PK\x03\x04"


class _Archive:
    """A zip file in memory whose every failure is a ConvertError."""

    def __init__(self, data):
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except Exception as error:
            raise ConvertError("truncated or damaged zip archive: %s" % error) from None
        self.names = self._zip.namelist()

    def read(self, name, size=None):
        if name not in self.names:
            raise ConvertError("the zip archive has no %s" % name)
        found = self._zip.getinfo(name).file_size
        if size not in (None, found):  # told before anything is unpacked
            raise ConvertError("%s has %d bytes, %d expected" % (name, found, size))
        try:
            return self._zip.read(name)
        except Exception as error:  # zlib's, zipfile's and the operating system's, depending on where it breaks
            raise ConvertError("truncated or damaged zip archive, at %s: %s" % (name, error)) from None


def _read_zip(data):
    archive = _Archive(data)
    pickles = [name for name in archive.names if name.count("/") <= 1 and name.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise ConvertError("a zip archive with %d data.pkl in it, not a PyTorch checkpoint" % len(pickles))
    folder = pickles[0][: -len("data.pkl")]
    if folder + "constants.pkl" in archive.names:
        raise ConvertError("a TorchScript program; save its state dict instead")
    if folder + "byteorder" in archive.names and archive.read(folder + "byteorder").strip() != b"little":
        raise ConvertError("written on a big-endian machine, which is not supported")

    def read_storage(storage):
        return archive.read(folder + "data/" + storage.key, storage.size_in_bytes())

    return _load(_Unpickler(io.BytesIO(archive.read(pickles[0])), read_storage))


def _read_legacy(data):
    file = io.BytesIO(data)
    where = {}  # storage key -> (first byte, end)

    def read_storage(storage):
        if storage.key not in where:
            raise ConvertError("storage %s is not in the file" % storage.key)
        return memoryview(data)[slice(*where[storage.key])]

    def load():
        unpickler = _Unpickler(file, read_storage)
        return _load(unpickler), unpickler.storages

    try:
        magic, _ = load()
    except _Refused:
        raise
    except ConvertError:
        magic = None
    if magic != LEGACY_MAGIC:
        kind = "PyTorch 0.1's tar format" if data[257:262] == b"ustar" else "no PyTorch checkpoint"
        raise ConvertError("%s: neither torch.save's zip format nor its older one" % kind)
    protocol, _ = load()
    if protocol != LEGACY_PROTOCOL:
        raise ConvertError("torch.save protocol %.20r, expected %d" % (protocol, LEGACY_PROTOCOL))
    system, _ = load()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ConvertError("written on a big-endian machine, which is not supported")
    root, storages = load()
    keys, _ = load()
    if not isinstance(keys, list):
        raise ConvertError("its list of storages is damaged")
    position = file.tell()
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        if storage is None:
            raise ConvertError("its list of storages names %.40r, which no tensor uses" % (key,))
        header = data[position : position + 8]
        start = position + 8
        end = start + storage.size_in_bytes()
        if len(header) < 8 or end > len(data):
            raise ConvertError("truncated in storage %s" % key)
        if struct.unpack("<q", header)[0] != storage.count:
            raise ConvertError("storage %s has another size than its tensors say" % key)
        where[key] = (start, end)
        position = end
    return root


class Checkpoint:
    """A checkpoint file in memory. Nothing of it is interpreted before load(), so that its hash can be checked first.

    A `.pth.zip`, a zip archive around one checkpoint, counts as that checkpoint.
    """

    def __init__(self, data):
        self._files = [data]  # as downloaded, and the checkpoint inside it if there is one
        if _is_zip(data):
            archive = _Archive(data)
            inner = [n for n in archive.names if n.lower().endswith((".pth", ".pt", ".pth.tar"))]
            if len(inner) == 1 and not any(n.split("/")[-1] == "data.pkl" for n in archive.names):
                self._files.append(archive.read(inner[0]))

    def check(self, algorithm, expected):
        """Compares with a published hash, of the file as downloaded or of the checkpoint inside it."""
        found = [hashlib.new(algorithm, data).hexdigest() for data in self._files]
        if expected not in found:
            raise ConvertError("%s is %s, expected %s" % (algorithm, found[-1], expected))

    @property
    def sha256(self):
        return hashlib.sha256(self._files[-1]).hexdigest()

    @property
    def data(self):
        return self._files[-1]

    def load(self):
        """The object that was saved: tensors in containers."""
        data = self._files[-1]
        return _read_zip(data) if _is_zip(data) else _read_legacy(data)


# ---- From the saved object to tensors by name ----------------------------------------------------------------------


def state_dict(root):
    """Tensors by name, from a state dict or from training state around one.

    A prefix of all names is dropped: DataParallel's `module.`, or that of a class around the network.
    """
    tensors = root
    if isinstance(root, dict) and not any(isinstance(value, Tensor) for value in root.values()):
        for wrapper in ("state_dict", "model_state_dict", "model"):
            if isinstance(root.get(wrapper), dict):
                tensors = root[wrapper]
                break
    if not isinstance(tensors, dict):
        raise ConvertError("holds a %s, not a state dict" % type(tensors).__name__.lower())
    if not tensors:
        raise ConvertError("its state dict is empty")
    for name, value in tensors.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            kind = type(value).__name__.lower()
            raise ConvertError("entry %.80r of its state dict is a %s, not a tensor" % (name, kind))
    for prefix in ("module.", "model.", "module."):
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name[len(prefix) :]: value for name, value in tensors.items()}
    return collections.OrderedDict(tensors)
