#!/usr/bin/env python3
"""Tests of tools/convert.py. Need numpy; where PyTorch is installed too, its own files are compared as well.

Most networks are a sixteenth as wide as real ones (NARROW), to keep the files small.
"""

import hashlib
import io
import json
import os
import re
import shlex
import stat
import struct
import subprocess
import sys
import unittest
import zipfile
from collections import OrderedDict
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is missing")
    sys.exit(77)

try:
    import torch
except ImportError:
    torch = None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

import convert
from checkpoints import Build, Call, Global, Persistent, Pickle, Storage, Tensor
from checkpoints import BLOCKS, NARROW, arrays_for, arrays_of, hrnet_shapes, shapes_of, trt_pose_shapes
from checkpoints import center_net_shapes, imgclsmob_center_name, mmdet_center_name
from checkpoints import imgclsmob_name, lip_name, mmpose_name
from checkpoints import legacy_checkpoint, read_model, tensor, zip_checkpoint
from folder_test_case import FolderTestCase
from limn_convert import networks
from limn_convert.families import FAMILIES
from limn_convert.skeletons import SKELETONS, flip_pairs_by_name


class ConvertTest(FolderTestCase):
    """Runs convert.main on narrow networks in a folder of its own."""

    def setUp(self):
        super().setUp()
        self.output = self.path("out.safetensors")
        narrow = mock.patch.object(networks, "BASE_CHANNELS", NARROW)
        narrow.start()
        self.addCleanup(narrow.stop)

    def run_convert(self, checkpoint, *options):
        """(exit status, standard output, standard error); `checkpoint` as bytes, or what is to be saved."""
        data = checkpoint if isinstance(checkpoint, bytes) else zip_checkpoint(checkpoint)
        arguments = [self.write("in.pth", data), self.output] + list(options)
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = convert.main(arguments)
            except SystemExit as exit_:
                status = exit_.code
        return status, out.getvalue(), err.getvalue()

    def converts(self, checkpoint, *options):
        """The model file as (document, arrays)."""
        status, out, err = self.run_convert(checkpoint, *options)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(out.count("\n"), 1, out)
        return read_model(self.output)

    def refuses(self, checkpoint, *words, options=()):
        """One line on standard error with all of `words` and the file's name, status 1, and no file left."""
        status, out, err = self.run_convert(checkpoint, *options)
        self.assertEqual((status, out, err.count("\n")), (1, "", 1), err)
        for word in words:
            self.assertIn(word, err)
        self.assertRegex(err, r"^convert\.py: .*(in\.pth|\.json|out\.safetensors): ")
        self.assertEqual([name for name in os.listdir(self.folder) if ".safetensors" in name], [])
        return err

    def assert_same(self, arrays, expected):
        """All tensors of a converted file bit for bit, and no others."""
        wanted = {name: value for name, value in expected.items() if not name.endswith("num_batches_tracked")}
        self.assertEqual(set(arrays), set(wanted))
        for name, value in wanted.items():
            self.assertEqual(arrays[name].shape, value.shape, name)
            self.assertEqual(arrays[name].tobytes(), value.tobytes(), name)


# ---- Formats -------------------------------------------------------------------------------------------------------


class CheckpointFormats(ConvertTest):
    def test_the_zip_format_is_read_bit_for_bit(self):
        arrays = arrays_of()
        self.assert_same(self.converts(zip_checkpoint(arrays))[1], arrays)

    def test_the_zip_format_with_a_little_endian_mark_is_read(self):
        arrays = arrays_of()
        self.assert_same(self.converts(zip_checkpoint(arrays, byteorder="little"))[1], arrays)

    def test_the_legacy_format_is_read_bit_for_bit(self):
        arrays = arrays_of()
        self.assert_same(self.converts(legacy_checkpoint(arrays))[1], arrays)

    def test_a_zip_around_a_checkpoint_of_either_format_is_that_checkpoint(self):
        arrays = arrays_of()
        for inner in (legacy_checkpoint(arrays), zip_checkpoint(arrays)):
            outer = io.BytesIO()
            with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("simplepose.pth", inner)
            document, found = self.converts(outer.getvalue())
            self.assert_same(found, arrays)
            self.assertEqual(document["source"]["sha256"], hashlib.sha256(inner).hexdigest())

    def test_a_recompressed_zip_is_read(self):
        arrays = arrays_of()
        self.assert_same(self.converts(zip_checkpoint(arrays, compression=zipfile.ZIP_DEFLATED))[1], arrays)

    def test_an_ordered_dict_with_torch_s_metadata_attribute_is_read(self):
        arrays = arrays_of()
        root = Build(OrderedDict(arrays), {"_metadata": OrderedDict([("", {"version": 1})])})
        self.assert_same(self.converts(root)[1], arrays)

    def test_an_ordered_dict_as_python_2_pickles_it_is_read(self):
        arrays = arrays_of()
        root = Call(Global("collections", "OrderedDict"), ([[name, value] for name, value in arrays.items()],))
        self.assert_same(self.converts(root)[1], arrays)

    def test_parameters_are_read_as_their_tensors(self):
        arrays = arrays_of()
        rebuild = Global("torch._utils", "_rebuild_parameter")
        root = {name: Call(rebuild, (tensor(value), True, OrderedDict())) for name, value in arrays.items()}
        self.assert_same(self.converts(root)[1], arrays)


class TensorLayouts(ConvertTest):
    NAME = "layer2.0.conv1.weight"

    def converted(self, value, write=zip_checkpoint):
        root = arrays_of()
        root[self.NAME] = value
        return self.converts(write(root))[1][self.NAME]

    def test_transposed_tensors_are_put_in_order(self):
        wanted = arrays_of()[self.NAME]
        stored = np.ascontiguousarray(wanted.transpose(2, 3, 1, 0))  # kernel, kernel, in, out, as channels-last is
        stride = tuple(stored.strides[axis] // 4 for axis in (3, 2, 0, 1))
        value = Tensor(Storage("FloatStorage", stored.tobytes()), 0, wanted.shape, stride)
        for write in (zip_checkpoint, legacy_checkpoint):
            np.testing.assert_array_equal(self.converted(value, write), wanted)

    def test_expanded_tensors_repeat_their_value(self):
        shape = arrays_of()[self.NAME].shape
        value = Tensor(Storage("FloatStorage", struct.pack("<ff", 1.5, 2.5)), 1, shape, (0, 0, 0, 0))
        np.testing.assert_array_equal(self.converted(value), np.full(shape, 2.5, "<f4"))

    def test_tensors_that_share_one_storage_are_told_apart_by_their_offsets(self):
        arrays = arrays_of()
        floats = [name for name in arrays if arrays[name].dtype == "<f4"]
        shared = Storage("FloatStorage", b"".join(arrays[name].tobytes() for name in floats))
        root, offset = dict(arrays), 0
        for name in floats:
            root[name] = tensor(arrays[name])._replace(storage=shared, offset=offset)
            offset += arrays[name].size
        for write in (zip_checkpoint, legacy_checkpoint):
            self.assert_same(self.converts(write(root))[1], arrays)

    def test_half_and_double_become_single_precision(self):
        wanted = arrays_of()[self.NAME]
        for dtype in ("<f2", "<f8"):
            value = wanted.astype(dtype)
            np.testing.assert_array_equal(self.converted(value), value.astype("<f4"))

    def test_bfloat16_becomes_single_precision(self):
        wanted = (arrays_of()[self.NAME].view("<u4") & 0xFFFF0000).view("<f4")
        stored = (wanted.view("<u4") >> 16).astype("<u2")
        stride = tuple(step // 2 for step in stored.strides)
        value = Tensor(Storage("BFloat16Storage", stored.tobytes()), 0, wanted.shape, stride)
        np.testing.assert_array_equal(self.converted(value), wanted)


class Wrappers(ConvertTest):
    def test_the_module_prefix_of_data_parallel_is_dropped(self):
        arrays = arrays_of()
        self.assert_same(self.converts({"module." + name: value for name, value in arrays.items()})[1], arrays)

    def test_a_state_dict_within_training_state_is_found(self):
        arrays = arrays_of()
        optimizer = {"state": {0: {"step": 3, "exp_avg": arrays["conv1.weight"]}}, "param_groups": [{"lr": 1e-3}]}
        for write in (zip_checkpoint, legacy_checkpoint):
            root = {
                "epoch": 140,
                "model": "pose_resnet",
                "state_dict": {"module." + name: value for name, value in arrays.items()},
                "perf": 0.704,
                "optimizer": optimizer,
            }
            self.assert_same(self.converts(write(root))[1], arrays)

    def test_a_bare_wrapper_is_opened(self):
        arrays = arrays_of()
        for key in ("state_dict", "model_state_dict", "model"):
            self.assert_same(self.converts({key: arrays})[1], arrays)

    def test_numpy_arrays_and_logs_beside_the_state_dict_are_passed_over(self):
        arrays = arrays_of()
        text = Call(Global("_codecs", "encode"), ("\x00\x01", "latin1"))
        dtype = Build(Call(Global("numpy", "dtype"), ("f8", False, True)), (3, "<", None, None, None, -1, -1, 0))
        empty = Call(Global("numpy.core.multiarray", "_reconstruct"), (Global("numpy", "ndarray"), (0,), text))
        array = Build(empty, (1, (1,), dtype, False, text))
        history = Build(Call(Global("mmengine.logging.history_buffer", "HistoryBuffer"), ()), {"_log_history": array})
        meta = {"epoch": 210, "dataset_meta": {"sigmas": array, "dataset_name": "coco"}}
        for write in (zip_checkpoint, legacy_checkpoint):
            root = {"meta": meta, "message_hub": {"log_scalars": {"loss": history}}, "state_dict": arrays}
            self.assert_same(self.converts(write(root))[1], arrays)
        os.remove(self.output)
        self.refuses(dict(arrays, extra=array), "entry 'extra' of its state dict is a passed, not a tensor")

    def test_a_prefix_of_every_name_is_dropped(self):
        arrays = arrays_of()
        for prefix in ("model.", "module.model.", "model.module."):
            self.assert_same(self.converts({prefix + name: value for name, value in arrays.items()})[1], arrays)

    def test_something_else_than_a_state_dict_is_refused(self):
        self.refuses([1, 2], "holds a list, not a state dict")
        self.refuses({}, "its state dict is empty")
        self.refuses({"epoch": 3}, "entry 'epoch' of its state dict is a int, not a tensor")
        self.refuses(dict(arrays_of(), note="hello"), "entry 'note' of its state dict is a str, not a tensor")


# ---- Hostile and damaged files -------------------------------------------------------------------------------------


class HostilePickles(ConvertTest):
    def both_refuse(self, value, *words):
        for write in (zip_checkpoint, legacy_checkpoint):
            self.refuses(write({"state_dict": value}), *words)

    def test_every_class_or_function_but_tensors_and_containers_is_refused_by_name(self):
        marker = self.path("marker")
        for module, name, arguments in (
            ("os", "system", ("touch " + marker,)),
            ("posix", "system", ("touch " + marker,)),
            ("builtins", "eval", ("open(%r, 'w')" % marker,)),
            ("__builtin__", "eval", ("open(%r, 'w')" % marker,)),
            ("builtins", "getattr", ("", "join")),
            ("subprocess", "Popen", (["touch", marker],)),
            ("numpy", "load", (marker,)),
            ("numpy.core.multiarray", "fromfile", (marker,)),
            ("_codecs", "lookup", ("utf-8",)),
            ("torch", "load", (marker,)),
            ("torch.nn.modules.conv", "Conv2d", ()),
            ("torch", "ComplexFloatStorage", ()),
            ("collections", "OrderedDict.fromkeys", ([],)),
        ):
            with self.subTest(module + "." + name):
                self.both_refuse(Call(Global(module, name), arguments), "%s.%s" % (module, name), "refused")
                self.assertFalse(os.path.exists(marker))

    def test_a_plain_pickle_is_refused_by_its_class(self):
        self.refuses(Pickle().dumps(Call(Global("os", "system"), ("true",))), "os.system")
        self.refuses(b"cos\nsystem\n(S'true'\ntR.", "os.system")  # protocol 0

    def test_attributes_of_a_tensor_cannot_be_set(self):
        for state in ({"offset": 10**9}, (None, {"offset": 10**9})):
            self.both_refuse({"conv1.weight": Build(np.zeros(3, "<f4"), state)}, "sets attributes of a tensor")

    def test_calling_a_storage_type_is_refused(self):
        self.both_refuse(Call(Global("torch", "FloatStorage"), (3,)), "pickle cannot be read")

    def test_a_memo_that_would_take_gigabytes_is_refused_before_there_is_one(self):
        for put in (b"r\xff\xff\xff\x7f", b"p2147483647\n"):
            with mock.patch.object(Pickle, "dumps", lambda _, value: b"\x80\x02}" + put + b"."):
                self.refuses(zip_checkpoint({}), "place 2147483647 of its memo, after 2 opcodes")

    def test_tensors_of_something_else_than_storages_are_refused(self):
        rebuild = Global("torch._utils", "_rebuild_tensor_v2")
        self.both_refuse(Call(rebuild, ([1.0], 0, (1,), (1,), False, None)), "something else than a storage")

    def test_references_to_whole_modules_are_refused(self):
        self.both_refuse(Persistent(("module", "Net", "net.py", "source")), "is no storage")
        self.both_refuse(Persistent("0"), "is no storage")

    def test_references_to_storages_as_pytorch_would_not_write_them_are_refused(self):
        float_, half = Global("torch", "FloatStorage"), Global("torch", "HalfStorage")
        self.both_refuse(Persistent(("storage", float_, "0", "cpu", 4, ("1", 0, 2))), "is no storage")
        for id_ in (
            ("storage", "FloatStorage", "0", "cpu", 4),
            ("storage", float_, 0, "cpu", 4),
            ("storage", float_, "0", "cpu", -1),
            ("storage", float_, "0", "cpu", 4.0),
        ):
            self.both_refuse(Persistent(id_), "in a way PyTorch does not")
        for other in (("storage", half, "0", "cpu", 4), ("storage", float_, "0", "cpu", 5)):
            both = [Persistent(("storage", float_, "0", "cpu", 4)), Persistent(other)]
            self.both_refuse(both, "two different types or sizes")

    def test_control_characters_of_a_name_do_not_reach_the_terminal(self):
        err = self.refuses({"evil\x1b[2J\n": 1})
        self.assertNotIn("\x1b", err)
        err = self.refuses(dict(arrays_of(), **{"evil\x1b[2J\n": np.zeros(1, "<f4")}), "unknown tensor")
        self.assertNotIn("\x1b", err)


class DamagedFiles(ConvertTest):
    def test_files_that_are_no_checkpoint_are_refused(self):
        for data in (b"", b"\x89PNG\r\n\x1a\n" + bytes(64), b"\x80", b"hello\n", bytes(1000)):
            self.refuses(data, "no PyTorch checkpoint")
        self.refuses(bytes(257) + b"ustar" + bytes(1000), "tar format")
        self.refuses(legacy_checkpoint({}, magic=5), "no PyTorch checkpoint")

    def test_a_zip_without_a_checkpoint_is_refused(self):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("readme.txt", "hello")
        self.refuses(file.getvalue(), "not a PyTorch checkpoint")

    def test_torchscript_is_refused(self):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("net/data.pkl", Pickle().dumps({}))
            archive.writestr("net/constants.pkl", Pickle().dumps(()))
        self.refuses(file.getvalue(), "TorchScript")

    def test_a_truncated_zip_is_refused_wherever_it_ends(self):
        data = zip_checkpoint(arrays_of())
        for length in [4, 30, 100, len(data) // 2, len(data) - 30, len(data) - 1]:
            self.refuses(data[:length], "truncated or damaged zip archive")

    def test_a_truncated_legacy_file_is_refused_wherever_it_ends(self):
        data = legacy_checkpoint(arrays_of())
        for length in list(range(0, 200, 7)) + list(range(200, len(data), len(data) // 40)) + [len(data) - 1]:
            self.refuses(data[:length])
        self.refuses(data[:-1], "truncated in storage")

    def test_a_flipped_bit_in_a_zip_is_noticed(self):
        arrays = arrays_of()
        data = bytearray(zip_checkpoint(arrays))
        data[bytes(data).index(arrays["layer3.0.conv1.weight"].tobytes()) + 5] ^= 0x10
        self.refuses(bytes(data), "truncated or damaged zip archive")

    def test_big_endian_files_are_refused(self):
        self.refuses(zip_checkpoint(arrays_of(), byteorder="big"), "big-endian")
        self.refuses(legacy_checkpoint(arrays_of(), little_endian=False), "big-endian")

    def test_tensors_beyond_their_storage_are_refused(self):
        good = tensor(arrays_of()["conv1.weight"])
        for bad in (
            good._replace(offset=1),
            good._replace(offset=-1),
            good._replace(offset=0.0),
            good._replace(offset=10**30),
            good._replace(shape=(NARROW + 1, 3, 7, 7)),
            good._replace(shape=(-NARROW, 3, 7, 7)),
            good._replace(stride=(148, 49, 7, 1)),
            good._replace(stride=(147, 49, -7, 1)),
            good._replace(stride=(147, 49, 7)),
            good._replace(shape=(1.5, 3, 7, 7)),
        ):
            for write in (zip_checkpoint, legacy_checkpoint):
                with self.subTest(str(bad[1:])):
                    self.refuses(write(dict(arrays_of(), **{"conv1.weight": bad})), "tensor")

    def test_storages_that_are_smaller_than_they_say_are_refused(self):
        root = arrays_of()
        value = tensor(root["final_layer.bias"])
        value.storage.count += 1
        root["final_layer.bias"] = value
        self.refuses(zip_checkpoint(root), "bytes")
        self.refuses(legacy_checkpoint(root), "truncated in storage")

    def test_a_legacy_storage_of_another_size_than_its_tensors_say_is_refused(self):
        data = legacy_checkpoint(arrays_of())
        header = struct.pack("<q", NARROW * 3 * 7 * 7)  # of conv1.weight, the first
        self.assertEqual(data.count(header), 1)
        self.refuses(data.replace(header, struct.pack("<q", 5)), "storage 0 has another size")

    def test_absurd_storage_sizes_allocate_nothing(self):
        root = arrays_of()
        value = tensor(root["conv1.weight"])
        value.storage.count = 2**62
        root["conv1.weight"] = value
        for write in (zip_checkpoint, legacy_checkpoint):
            self.refuses(write(root))

    def test_a_storage_that_is_not_there_is_refused(self):
        root = arrays_of()
        data = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(zip_checkpoint(root))) as old, zipfile.ZipFile(data, "w") as new:
            for name in old.namelist():
                if name != "archive/data/0":
                    new.writestr(name, old.read(name))
        self.refuses(data.getvalue(), "no archive/data/0")


# ---- Networks ------------------------------------------------------------------------------------------------------


class NetworkDetection(ConvertTest):
    def test_depth_and_size_are_those_published(self):
        for depth, keypoints, parameters in (
            (18, 16, 15376464),
            (18, 17, 15376721),
            (50, 16, 33999440),
            (50, 17, 33999697),
            (101, 17, 52991825),
            (152, 17, 68635473),
        ):
            with self.subTest(depth=depth), mock.patch.object(networks, "BASE_CHANNELS", 64):
                shapes = shapes_of(depth, keypoints, ((256, 4),) * 3, base=64)
                shapes = {name: shape for name, shape in shapes.items() if "num_batches" not in name}
                network = networks.pose_resnet(shapes)
                self.assertEqual(network.document["depth"], depth)
                self.assertEqual(network.keypoints, keypoints)
                self.assertEqual(network.parameters(), parameters)
                self.assertEqual(network.shapes, shapes)

    def test_every_depth_is_converted(self):
        for depth in BLOCKS:
            with self.subTest(depth=depth):
                arrays = arrays_of(depth=depth)
                document, found = self.converts(arrays)
                self.assertEqual(document["network"]["depth"], depth)
                self.assert_same(found, arrays)

    def test_the_number_of_blocks_must_be_a_resnet_s(self):
        arrays = {name: value for name, value in arrays_of().items() if not name.startswith("layer3.1.")}
        self.refuses(arrays, "basic blocks 2, 2, 1, 2 make no ResNet of depth 18, 34, 50, 101, 152")

    def test_deconvolutions_are_found_with_their_widths_kernels_and_bias(self):
        for deconvs, bias, kernel in (
            (((8, 4), (8, 4), (8, 4)), False, 4),
            (((8, 3), (8, 3), (8, 3)), True, 3),
            (((8, 2), (6, 2), (4, 2)), False, 2),
            (((8, 4), (6, 3), (4, 2)), True, [4, 3, 2]),
            (((10, 4), (12, 4)), False, 4),
            (((8, 4),) * 5, True, 4),
        ):
            with self.subTest(deconvs=deconvs, bias=bias):
                arrays = arrays_of(deconvs=deconvs, bias=bias)
                document, found = self.converts(arrays)
                expected = {"channels": [width for width, _ in deconvs], "kernel": kernel, "bias": bias}
                self.assertEqual(document["network"]["deconv"], expected)
                self.assert_same(found, arrays)

    def test_the_resnet_s_width_is_found(self):
        arrays = arrays_of(base=6)
        document, found = self.converts(arrays)
        self.assertEqual(document["network"]["width"], 6)
        self.assertEqual(document["name"], "pose_resnet18_w6_mpii16_256x256")
        self.assert_same(found, arrays)
        self.assertNotIn("width", self.converts(arrays_of())[0]["network"])

    def test_a_resnet_of_absurd_width_is_refused_before_anything_is_unpacked(self):
        root = arrays_of()
        root["conv1.weight"] = Tensor(Storage("FloatStorage", bytes(4)), 0, (4097, 3, 7, 7), (0, 0, 0, 0))
        self.refuses(root, "tensor conv1.weight has shape [4097, 3, 7, 7], expected 1 to 4096 channels")
        root["conv1.weight"] = np.zeros((NARROW, 3, 5, 5), "<f4")
        self.refuses(root, "tensor conv1.weight has shape [4, 3, 5, 5], expected a kernel of 7x7")

    def test_a_final_kernel_of_3_is_found(self):
        document, _ = self.converts(arrays_of(final_kernel=3))
        self.assertEqual(document["network"]["final_kernel"], 3)
        document, _ = self.converts(arrays_of())
        self.assertEqual(document["network"]["final_kernel"], 1)

    def test_kernels_of_other_sizes_are_refused_by_name(self):
        self.refuses(arrays_of(deconvs=((8, 4), (8, 5), (8, 4))), "deconv_layers.3.weight", "[8, 8, 5, 5]")
        self.refuses(arrays_of(final_kernel=5), "final_layer.weight", "[16, 8, 5, 5]")
        self.refuses(arrays_of(deconvs=((8, 4),) * 6), "6 deconvolutions")

    def test_absurd_numbers_of_channels_are_refused_before_anything_is_unpacked(self):
        root = arrays_of()
        one = Storage("FloatStorage", bytes(4))
        root["deconv_layers.0.weight"] = Tensor(one, 0, (8 * NARROW, 10**12, 4, 4), (0, 0, 0, 0))
        self.refuses(root, "deconv_layers.0.weight", "1000000000000")

    def test_caffe_style_is_an_option_of_bottleneck_networks(self):
        document, _ = self.converts(arrays_of(depth=50), "--stride-on", "1x1")
        self.assertEqual(document["network"]["stride_on"], "1x1")
        document, _ = self.converts(arrays_of(depth=50))
        self.assertEqual(document["network"]["stride_on"], "3x3")
        os.remove(self.output)
        self.refuses(arrays_of(depth=18), "bottleneck", options=["--stride-on", "1x1"])

    def test_hrnet_s_width_and_keypoints_are_found(self):
        for width, keypoints, final_kernel in ((3, 17, 1), (2, 16, 3)):
            arrays = arrays_for(hrnet_shapes(width, keypoints, final_kernel))
            document, found = self.converts(arrays)
            self.assertEqual(document["network"], {"type": "hrnet", "width": width, "final_kernel": final_kernel})
            self.assert_same(found, arrays)

    def test_hrnet_s_size_is_that_published(self):
        for width, parameters in ((32, 28.5), (48, 63.6)):
            with mock.patch.object(networks, "BASE_CHANNELS", 64):
                shapes = {n: s for n, s in hrnet_shapes(width, base=64).items() if "num_batches" not in n}
                network = networks.hrnet(shapes)
                self.assertEqual(network.shapes, shapes)
                self.assertEqual(round(network.parameters() / 1e5) / 10, parameters)

    def test_trt_pose_s_branches_are_found(self):
        document = {"type": "cmap_paf", "depth": 18, "upsample_channels": 8, "upsamples": 3, "flat_layers": 0}
        for kind, wanted in (
            ({}, {"attention": True}),
            ({"attention": False}, {"attention": False}),
            ({"width": 6, "upsamples": 1, "flat": 2}, {"upsample_channels": 6, "upsamples": 1, "flat_layers": 2}),
            ({"upsamples": 5, "flat": 1, "attention": False}, {"upsamples": 5, "flat_layers": 1, "attention": False}),
            ({"depth": 50}, {"depth": 50}),
        ):
            with self.subTest(kind):
                shapes = trt_pose_shapes(**kind)
                found_document, found = self.converts(arrays_for(shapes))
                self.assertEqual(found_document["network"], {**document, "attention": True, **wanted})
                # Both orders are those of the layers, and random values come in that order.
                wanted = trt_pose_shapes(prefix=False, **kind)
                values = [v for n, v in arrays_for(shapes).items() if ".fc." not in n]
                self.assert_same(found, dict(zip(wanted, values)))

    def test_trt_pose_s_size_is_that_published_but_for_the_classifier(self):
        with mock.patch.object(networks, "BASE_CHANNELS", 64):
            shapes = trt_pose_shapes(width=256, base=64, prefix=False)
            network = networks.cmap_paf({n: s for n, s in shapes.items() if "num_batches" not in n})
            self.assertEqual(network.parameters() + 512 * 1000 + 1000, 21278308)
            self.assertEqual((network.keypoints, network.links, network.stride), (18, 21, 4))

    def test_trt_pose_s_branches_must_make_sense(self):
        arrays = arrays_for(trt_pose_shapes(flat=1))
        del arrays["1.cmap_up.15.weight"]
        self.refuses(arrays, "3 deconvolutions of 4x4 among the 5 convolutions of cmap_up")
        arrays = arrays_for(trt_pose_shapes())
        arrays["1.paf_conv.weight"] = arrays["1.paf_conv.weight"][:41]
        self.refuses(arrays, "paf_conv.weight makes 41 maps")
        for option in ("--stride-on 1x1", "--activation sigmoid", "--inner-activation none"):
            self.refuses(arrays_for(trt_pose_shapes()), option, options=option.split())

    def test_the_lip_network_s_size_is_that_published(self):
        with mock.patch.object(networks, "BASE_CHANNELS", 64):
            shapes = shapes_of(18, 16, ((512, 4),) * 3, base=64)
            network = networks.pose_resnet({n: s for n, s in shapes.items() if "num_batches" not in n})
            self.assertEqual(network.parameters(), 23770704)

    def test_networks_without_batch_norm_are_found(self):
        for normalization in ("bias", "none"):
            for shapes in (shapes_of(normalization=normalization), hrnet_shapes(normalization=normalization)):
                document, found = self.converts(arrays_for(shapes), "--inner-activation", "none")
                self.assertEqual(document["network"]["normalization"], normalization)
                self.assertEqual(document["network"]["activation"], "none")
                self.assert_same(found, arrays_for(shapes))
        document, _ = self.converts(arrays_of(normalization="bias"))
        self.assertFalse(document["network"]["deconv"]["bias"])
        self.assertNotIn("activation", document["network"])
        self.assertNotIn("normalization", self.converts(arrays_of())[0]["network"])

    def test_output_activation_is_an_option(self):
        self.assertEqual(self.converts(arrays_of())[0]["network"]["output_activation"], "none")
        document, _ = self.converts(arrays_of(), "--activation", "sigmoid")
        self.assertEqual(document["network"]["output_activation"], "sigmoid")


class TensorChecks(ConvertTest):
    def test_a_missing_tensor_is_named(self):
        for name in shapes_of():
            if not name.endswith("num_batches_tracked"):
                arrays = arrays_of()
                del arrays[name]
                with self.subTest(name):
                    self.refuses(arrays, "missing tensor " + name)

    def test_an_unknown_tensor_is_named(self):
        for name in ("fc.weight", "layer1.0.conv9.weight", "bn1.weights", "deconv_layers.2.weight"):
            with self.subTest(name):
                self.refuses(dict(arrays_of(), **{name: np.zeros((3,), "<f4")}), "unknown tensor " + name)

    def test_a_misspelt_tensor_is_both_missing_and_unknown(self):
        arrays = arrays_of()
        arrays["layer4.1.conv2.weigth"] = arrays.pop("layer4.1.conv2.weight")
        self.refuses(arrays, "missing tensor layer4.1.conv2.weight; unknown tensor layer4.1.conv2.weigth")

    def test_a_wrongly_shaped_tensor_is_named_with_both_shapes(self):
        arrays = arrays_of()
        arrays["layer3.0.downsample.0.weight"] = np.zeros((16, 8, 3, 3), "<f4")
        self.refuses(
            arrays, "tensor layer3.0.downsample.0.weight has shape [16, 8, 3, 3], expected [16, 8, 1, 1]"
        )
        self.refuses(dict(arrays_of(), **{"bn1.bias": np.zeros((NARROW, 1), "<f4")}), "bn1.bias", "[4, 1]", "[4]")

    def test_imgclsmob_s_own_name_is_in_the_message_too(self):
        arrays = {imgclsmob_name(name): value for name, value in arrays_of(keypoints=17).items()}
        arrays["backbone.stage2.unit1.body.conv1.bn.bias"] = np.zeros(3, "<f4")
        self.refuses(arrays, "backbone.stage2.unit1.body.conv1.bn.bias (layer2.0.bn1.bias)")

    def test_values_that_are_not_finite_are_refused_by_tensor(self):
        for bad in (np.nan, np.inf, -np.inf):
            arrays = arrays_of()
            arrays["deconv_layers.4.running_mean"][3] = bad
            self.refuses(arrays, "deconv_layers.4.running_mean", "NaN or infinite")

    def test_doubles_beyond_single_precision_are_refused_by_tensor(self):
        arrays = arrays_of()
        arrays["bn1.bias"] = np.full(NARROW, 1e300, "<f8")
        self.refuses(arrays, "bn1.bias", "infinite")

    def test_negative_variances_are_refused_by_tensor(self):
        arrays = arrays_of()
        arrays["layer1.0.bn2.running_var"][0] = -0.1
        self.refuses(arrays, "layer1.0.bn2.running_var", "negative")

    def test_integer_weights_are_refused_by_tensor(self):
        arrays = arrays_of()
        arrays["final_layer.bias"] = np.zeros(16, "<i8")
        self.refuses(arrays, "final_layer.bias", "LongStorage")

    def test_num_batches_tracked_may_be_absent(self):
        arrays = {name: value for name, value in arrays_of().items() if "num_batches_tracked" not in name}
        self.assert_same(self.converts(arrays)[1], arrays)


# ---- What the model file says --------------------------------------------------------------------------------------


class Families(ConvertTest):
    INPUT = {
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "geometry": "affine",
        "padding": 1.25,
        "resample": "bilinear",
    }

    def test_microsoft_s_networks_are_fed_bgr(self):
        document, _ = self.converts(arrays_of(keypoints=16))
        self.assertEqual(document["input"], dict(self.INPUT, width=256, height=256, channels="bgr"))
        self.assertEqual(document["decoder"], {"type": "quarter_offset", "offset": 0.0, "margin": 1})
        document, _ = self.converts(arrays_of(keypoints=17))
        self.assertEqual(document["input"], dict(self.INPUT, width=192, height=256, channels="bgr"))

    def test_imgclsmob_s_networks_are_fed_rgb_and_refine_up_to_the_border(self):
        for depth in (18, 50):
            arrays = arrays_of(depth=depth, keypoints=17)
            document, found = self.converts({imgclsmob_name(name): value for name, value in arrays.items()})
            self.assertEqual(document["input"], dict(self.INPUT, width=192, height=256, channels="rgb"))
            self.assertEqual(document["decoder"], {"type": "quarter_offset", "offset": 0.0, "margin": 0})
            self.assert_same(found, arrays)

    def test_mmpose_s_networks_of_both_versions_are_fed_rgb(self):
        for head in ("keypoint_head", "head"):
            for shapes, kind in (
                (shapes_of(50, 17), "pose_resnet"),
                (shapes_of(50, 16), "pose_resnet"),
                (hrnet_shapes(), "hrnet"),
                (hrnet_shapes(keypoints=16), "hrnet"),
            ):
                arrays = arrays_for(shapes)
                root = {mmpose_name(name, head): value for name, value in arrays.items()}
                document, found = self.converts({"meta": {"mmpose_version": "0.18.0"}, "state_dict": root})
                self.assertEqual(document["network"]["type"], kind)
                width = 256 if len(document["keypoints"]) == 16 else 192
                self.assertEqual(document["input"], dict(self.INPUT, width=width, height=256, channels="rgb"))
                self.assertEqual(document["decoder"], {"type": "quarter_offset", "offset": 0.0, "margin": 1})
                self.assert_same(found, arrays)

    def test_mmpose_s_data_preprocessor_is_left_out_and_named(self):
        arrays = arrays_of(depth=50, keypoints=17)
        root = {mmpose_name(name, "head"): value for name, value in arrays.items()}
        root["data_preprocessor.mean"] = np.zeros((3, 1, 1), "<f4")
        status, out, _ = self.run_convert(root)
        self.assertEqual(status, 0)
        self.assertIn("without data_preprocessor.mean, which nothing uses", out)
        self.assert_same(read_model(self.output)[1], arrays)

    def test_hrnet_s_networks_are_fed_rgb(self):
        for keypoints, width in ((17, 192), (16, 256)):
            document, _ = self.converts(arrays_for(hrnet_shapes(keypoints=keypoints)))
            self.assertEqual(document["input"], dict(self.INPUT, width=width, height=256, channels="rgb"))
            self.assertEqual(document["decoder"], {"type": "quarter_offset", "offset": 0.0, "margin": 1})
        self.assertEqual(document["name"], "hrnet_w3_mpii16_256x256")

    def test_trt_pose_s_networks_see_the_whole_frame_and_many_people(self):
        status, out, _ = self.run_convert(arrays_for(trt_pose_shapes()))
        self.assertEqual(status, 0)
        self.assertIn("without 0.resnet.fc.weight and 0.resnet.fc.bias, which nothing uses", out)
        document, _ = read_model(self.output)
        expected = dict(self.INPUT, width=224, height=224, channels="rgb", geometry="stretch", resample="nearest")
        self.assertEqual(document["input"], expected)
        self.assertEqual(
            document["decoder"],
            {
                "type": "part_affinity",
                "offset": 2.0,
                "cmap_threshold": 0.1,
                "link_threshold": 0.1,
                "window": 5,
                "samples": 7,
                "max_peaks": 100,
                "max_objects": 100,
                "min_keypoints": 1,
            },
        )
        self.assertEqual(document["keypoints"], SKELETONS["body18"].keypoints)
        self.assertEqual(document["links"], [list(link) for link in SKELETONS["body18"].links])
        self.assertEqual(document["name"], "cmap_paf_resnet18_body18_224x224")

    def test_trt_pose_s_offset_is_half_a_cell(self):
        document, _ = self.converts(arrays_for(trt_pose_shapes(upsamples=2)))
        self.assertEqual(document["decoder"]["offset"], 4.0)

    def test_the_lip_network_is_fed_whole_bgr_pictures_and_read_without_refinement(self):
        arrays = arrays_of(keypoints=16)
        document, found = self.converts({lip_name(name): value for name, value in arrays.items()})
        expected = dict(self.INPUT, width=256, height=256, channels="bgr", geometry="stretch")
        self.assertEqual(document["input"], expected)
        self.assertEqual(document["decoder"], {"type": "argmax", "offset": 0.0})
        self.assertEqual(document["network"]["output_activation"], "sigmoid")
        self.assertEqual(document["keypoints"][6:10], ["pelvis", "spine", "neck", "head"])
        self.assertEqual(document["name"], "pose_resnet18_lip16_256x256")
        self.assert_same(found, arrays)
        root = {lip_name(name): value for name, value in arrays.items()}
        document, _ = self.converts(root, "--activation", "none", "--keypoints", "mpii16")
        self.assertEqual(document["network"]["output_activation"], "none")
        self.assertEqual(document["keypoints"], SKELETONS["mpii16"].keypoints)

    def test_two_names_for_one_tensor_are_refused(self):
        arrays = {imgclsmob_name(name): value for name, value in arrays_of(keypoints=17).items()}
        arrays["conv1.weight"] = arrays["backbone.init_block.conv.conv.weight"]
        self.refuses(arrays, "are both conv1.weight")

    def test_networks_of_other_families_are_refused_with_the_known_families_named(self):
        backbone = {n: v for n, v in arrays_of().items() if not n.startswith(("deconv_layers", "final_layer"))}
        self.refuses(backbone, *[family.name for family in FAMILIES])
        self.refuses({"backbone.0.weight": np.zeros(1, "<f4")}, "no known family", "backbone.0.weight")

    def test_the_document_is_complete(self):
        data = zip_checkpoint(arrays_of())
        document, _ = self.converts(data)
        self.assertEqual(
            set(document),
            set("version name network input decoder keypoints links flip_pairs source accuracy".split()),
        )
        self.assertEqual(document["version"], 1)
        self.assertEqual(document["name"], "pose_resnet18_mpii16_256x256")
        self.assertEqual(document["network"]["type"], "pose_resnet")
        self.assertEqual(document["source"]["sha256"], hashlib.sha256(data).hexdigest())
        self.assertEqual(document["accuracy"], [])


class Keypoints(ConvertTest):
    def test_the_set_goes_by_the_number(self):
        for count, name in ((16, "mpii16"), (17, "coco17"), (18, "body18")):
            document, _ = self.converts(arrays_of(keypoints=count))
            self.assertEqual(document["keypoints"], SKELETONS[name].keypoints)
            self.assertEqual(document["links"], [list(link) for link in SKELETONS[name].links])
            self.assertEqual(document["flip_pairs"], [list(pair) for pair in SKELETONS[name].flip_pairs])

    def test_every_set_is_consistent(self):
        for skeleton in SKELETONS.values():
            names = skeleton.keypoints
            self.assertEqual(len(set(names)), len(names))
            self.assertEqual(len({frozenset(link) for link in skeleton.links}), len(skeleton.links))
            self.assertEqual({n for link in skeleton.links for n in link}, set(range(len(names))))
            sides = {name for name in names if name.startswith(("left_", "right_"))}
            paired = {names[n] for pair in skeleton.flip_pairs for n in pair}
            self.assertEqual(paired, sides)
            for a, b in skeleton.flip_pairs:
                self.assertEqual(names[a].split("_", 1)[1], names[b].split("_", 1)[1])
            pairs = {frozenset(pair) for pair in skeleton.flip_pairs}
            self.assertEqual({frozenset(pair) for pair in flip_pairs_by_name(names)}, pairs)

    def test_flip_pairs_are_names_that_differ_in_left_and_right(self):
        for names, pairs in (
            (["nose", "left_eye", "right_eye"], [(1, 2)]),
            (["wrist_right", "wrist_left", "left", "right"], [(1, 0), (2, 3)]),
            (["left_eye", "right_ear", "eye_right"], []),
            (["left_left", "left_right", "right_right"], [(0, 1)]),  # each in one pair at most
        ):
            self.assertEqual(flip_pairs_by_name(names), pairs)

    def test_body18_s_links_are_trt_pose_s(self):
        one_based = (
            "16,14 14,12 17,15 15,13 12,13 6,8 7,9 8,10 9,11 2,3 1,2 1,3 2,4 3,5 4,6 5,7 18,1 18,6 18,7 18,12 18,13"
        )
        links = [tuple(int(n) - 1 for n in link.split(",")) for link in one_based.split()]
        self.assertEqual(SKELETONS["body18"].links, links)

    def test_hand21_s_links_are_trt_pose_s(self):
        one_based = (
            "1,5 1,9 1,13 1,17 1,21 2,3 3,4 4,5 6,7 7,8 8,9 10,11 11,12 12,13 14,15 15,16 16,17 18,19 19,20 20,21"
        )
        links = [tuple(int(n) - 1 for n in link.split(",")) for link in one_based.split()]
        self.assertEqual(SKELETONS["hand21"].links, links)
        self.assertEqual(SKELETONS["hand21"].keypoints[5:9], ["index_finger_%d" % n for n in (1, 2, 3, 4)])
        document, _ = self.converts(arrays_for(trt_pose_shapes(keypoints=21, links=20)))
        self.assertEqual(document["keypoints"], SKELETONS["hand21"].keypoints)

    def test_lip16_s_links_are_those_its_authors_draw(self):
        names = SKELETONS["lip16"].keypoints
        links = {frozenset((names[a], names[b])) for a, b in SKELETONS["lip16"].links}
        expected = {frozenset(("pelvis", "spine")), frozenset(("spine", "neck")), frozenset(("neck", "head"))}
        for side in ("left_", "right_"):
            chain = [side + name for name in ("ankle", "knee", "hip")] + ["pelvis"]
            expected |= {frozenset(pair) for pair in zip(chain, chain[1:])}
            chain = ["neck"] + [side + name for name in ("shoulder", "elbow", "wrist")]
            expected |= {frozenset(pair) for pair in zip(chain, chain[1:])}
        self.assertEqual(links, expected)

    def test_a_coco_category_is_read_as_trt_pose_writes_it(self):
        hand = {"supercategory": "hand", "id": 1, "name": "hand", "keypoints": ["palm", "left_tip", "right_tip"]}
        hand["skeleton"] = [[2, 1], [1, 3]]
        arrays = arrays_for(trt_pose_shapes(keypoints=3, links=2))
        document, _ = self.converts(arrays, "--keypoints", self.file(hand))
        self.assertEqual(document["keypoints"], hand["keypoints"])
        self.assertEqual(document["links"], [[1, 0], [0, 2]])
        self.assertEqual(document["flip_pairs"], [[1, 2]])
        os.remove(self.output)
        hand["skeleton"] = [[0, 1]]
        self.refuses(arrays, "points.json", "from 1 to 3", options=["--keypoints", self.file(hand)])

    def test_part_affinity_fields_need_as_many_links(self):
        arrays = arrays_for(trt_pose_shapes(links=20))
        self.refuses(arrays, "part affinity fields for 20 links", "body18 has 21")

    def test_other_numbers_need_a_name(self):
        self.refuses(arrays_of(keypoints=5), "5 keypoints", "--keypoints")

    def test_a_set_of_another_size_is_refused(self):
        self.refuses(arrays_of(keypoints=17), "17 keypoints", "mpii16 has 16", options=["--keypoints", "mpii16"])

    def file(self, document):
        text = document if isinstance(document, str) else json.dumps(document)
        return self.write("points.json", text)

    def test_a_set_can_come_from_a_file(self):
        document = {"keypoints": ["head", "left_hand", "right_hand"], "links": [[0, 1], [0, 2]], "flip_pairs": [[1, 2]]}
        found, _ = self.converts(arrays_of(keypoints=3), "--keypoints", self.file(document))
        self.assertEqual({key: found[key] for key in document}, document)
        self.assertEqual(found["name"], "pose_resnet18_points_256x192")
        del document["flip_pairs"]
        found, _ = self.converts(arrays_of(keypoints=3), "--keypoints", self.file(document))
        self.assertEqual(found["flip_pairs"], [])

    def test_a_malformed_file_is_refused(self):
        names = ["a", "b", "c"]
        for document, word in (
            ("{", "not valid JSON"),
            ("[" * 100000, "not valid JSON"),
            ([], "JSON object"),
            ({}, "keypoints"),
            ({"keypoints": []}, "keypoints"),
            ({"keypoints": [1, 2, 3]}, "keypoints"),
            ({"keypoints": ["a", "b", ""], "links": []}, "keypoints"),
            ({"keypoints": ["a", "b", "a"], "links": []}, "twice"),
            ({"keypoints": names}, "links"),
            ({"keypoints": names, "links": [[0, 3]]}, "links"),
            ({"keypoints": names, "links": [[0, -1]]}, "links"),
            ({"keypoints": names, "links": [[1, 1]]}, "links"),
            ({"keypoints": names, "links": [[0, True]]}, "links"),
            ({"keypoints": names, "links": [[0, 1, 2]]}, "links"),
            ({"keypoints": names, "links": [[0, 1]] * 4097}, "at most 4096"),
            ({"keypoints": names, "links": [], "flip_pairs": [[0, 5]]}, "flip_pairs"),
            ({"keypoints": names, "links": [], "flip_pairs": [[0, 1], [1, 2]]}, "flip_pairs"),
            ({"keypoints": names, "links": [], "flip_pairs": 3}, "flip_pairs"),
        ):
            with self.subTest(str(document)[:60]):
                options = ["--keypoints", self.file(document)]
                self.refuses(arrays_of(keypoints=3), "points.json", word, options=options)

    def test_a_file_that_is_not_there_is_refused(self):
        options = ["--keypoints", self.path("nowhere.json")]
        self.refuses(arrays_of(keypoints=3), "nowhere.json", "No such file", options=options)


class PersonDetectors(ConvertTest):
    """CenterNets, whose checkpoints of COCO's 80 classes begin with the person."""

    IMAGENET = {
        "channels": "rgb",
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "geometry": "letterbox",
        "padding": 1.0,
        "resample": "bilinear",
    }
    DECODER = {"type": "center", "offset": 0.0, "threshold": 0.3, "max_people": 100, "iou": 0.6}
    NETWORK = {
        "type": "center_net",
        "depth": 18,
        "deconv": {"channels": [8, 6], "kernel": 4, "bias": False},
        "convolutions": False,
        "head_channels": 0,
        "offsets": True,
    }

    def people(self, arrays):
        """With the first of the classes' heatmaps alone."""
        return {n: a[:1] if n.startswith(("hm.weight", "hm.bias", "hm.2.")) else a for n, a in arrays.items()}

    def test_limn_s_own_are_recognised(self):
        arrays = arrays_for(center_net_shapes(base=6))
        document, found = self.converts({"recipe": {"detector": True}, "epoch": 3, "state_dict": arrays})
        self.assertEqual(document["network"], {**self.NETWORK, "width": 6})
        self.assertEqual(document["input"], {"width": 320, "height": 320, **self.IMAGENET})
        self.assertEqual(document["decoder"], self.DECODER)
        self.assertEqual(document["name"], "center_net_resnet18_w6_people_320x320")
        self.assertEqual(set(document), set("version name network input decoder source accuracy".split()))
        self.assert_same(found, arrays)

    def test_every_option_of_the_network_is_found(self):
        for kind, wanted in (
            ({"depth": 50}, {"depth": 50}),
            ({"deconvs": ((8, 3), (7, 2))}, {"deconv": {"channels": [8, 7], "kernel": [3, 2], "bias": False}}),
            ({"bias": True}, {"deconv": {"channels": [8, 6], "kernel": 4, "bias": True}}),
            ({"convolutions": True}, {"convolutions": True}),
            ({"head": 5}, {"head_channels": 5}),
            ({"offsets": False, "head": 5}, {"offsets": False, "head_channels": 5}),
            ({"normalization": "bias", "convolutions": True}, {"normalization": "bias", "convolutions": True}),
            ({"normalization": "none"}, {"normalization": "none"}),
        ):
            with self.subTest(kind):
                arrays = arrays_for(center_net_shapes(**kind))
                document, found = self.converts(arrays)
                self.assertEqual(document["network"], {**self.NETWORK, **wanted})
                self.assert_same(found, arrays)
        document, _ = self.converts(arrays_for(center_net_shapes()), "--inner-activation", "none")
        self.assertEqual(document["network"]["activation"], "none")

    def test_tensors_are_in_the_order_of_the_layers(self):
        shapes = center_net_shapes(convolutions=True, head=5)
        _, found = self.converts(arrays_for(shapes))
        self.assertEqual(list(found), [name for name in shapes if "num_batches_tracked" not in name])

    def test_without_offsets_the_middle_of_a_cell_is_meant(self):
        document, _ = self.converts(arrays_for(center_net_shapes(offsets=False)))
        self.assertEqual(document["decoder"]["offset"], 4.0)

    def test_xingyizhou_s_are_fed_bgr_and_keep_the_people(self):
        for head in (0, 5):
            arrays = arrays_for(center_net_shapes(classes=80, deconvs=((8, 4),) * 3, head=head))
            root = {"epoch": 140, "state_dict": {"module." + name: value for name, value in arrays.items()}}
            document, found = self.converts(root)
            self.assertEqual(
                document["input"],
                {
                    "width": 512,
                    "height": 512,
                    "channels": "bgr",
                    "mean": [0.40789654, 0.44719302, 0.47026115],
                    "std": [0.28863828, 0.27408164, 0.27809835],
                    "geometry": "letterbox",
                    "padding": 1.0,
                    "resample": "bilinear",
                },
            )
            self.assertEqual(document["decoder"], self.DECODER)
            self.assertEqual(document["network"]["head_channels"], head)
            self.assertEqual(document["name"], "center_net_resnet18_people_512x512")
            self.assert_same(found, self.people(arrays))

    def test_imgclsmob_s_are_fed_rgb_and_keep_the_people(self):
        for depth in (18, 50):
            shapes = center_net_shapes(depth, 80, ((8, 4), (7, 4), (6, 4)), convolutions=True, head=6)
            arrays = arrays_for(shapes)
            document, found = self.converts({imgclsmob_center_name(name): value for name, value in arrays.items()})
            self.assertEqual(document["input"], {"width": 512, "height": 512, **self.IMAGENET})
            self.assertEqual(document["decoder"], self.DECODER)
            network = {"depth": depth, "convolutions": True, "head_channels": 6, "offsets": True}
            self.assertEqual({key: document["network"][key] for key in network}, network)
            self.assert_same(found, self.people(arrays))

    def test_imgclsmob_s_sizes_are_those_published_but_for_the_other_classes(self):
        with mock.patch.object(networks, "BASE_CHANNELS", 64):
            for depth, parameters in ((18, 14219540), (50, 30090004), (101, 49082132)):
                deconvs = ((256, 4), (128, 4), (64, 4))
                shapes = center_net_shapes(depth, 1, deconvs, convolutions=True, head=64, base=64)
                network = networks.center_net({n: s for n, s in shapes.items() if "num_batches" not in n})
                self.assertEqual(network.parameters() + 79 * (64 + 1), parameters)
                self.assertEqual((network.keypoints, network.links, network.stride), (0, None, 4))

    def test_mmdetection_s_are_fed_rgb_and_get_the_biases_that_they_do_not_have(self):
        shapes = center_net_shapes(18, 80, ((8, 4), (7, 4), (6, 4)), convolutions=True, conv_bias=False, head=6)
        arrays = arrays_for(shapes)
        root = {mmdet_center_name(name): value for name, value in arrays.items()}
        root["data_preprocessor.mean"] = np.zeros((3, 1, 1), "<f4")
        document, found = self.converts({"meta": {"mmdet_version": "2.14.0"}, "state_dict": root})
        self.assertEqual(document["input"], {"width": 512, "height": 512, **self.IMAGENET})
        self.assertEqual(document["decoder"], self.DECODER)
        for number, channels in ((0, 8), (3, 7), (6, 6)):
            arrays["conv_layers.%d.bias" % number] = np.zeros(channels, "<f4")
        self.assert_same(found, self.people(arrays))

    def test_deformable_convolutions_are_refused_by_name(self):
        arrays = arrays_for(center_net_shapes(classes=80, head=5))
        offsets = np.zeros((27, 8, 3, 3), "<f4")
        for name, tensors in (
            ("deconv_layers.0.conv_offset_mask.weight", arrays),
            ("neck.deconv_layers.0.conv.conv_offset.weight", {mmdet_center_name(n): a for n, a in arrays.items()}),
        ):
            self.refuses({**tensors, name: offsets}, name, "deformable convolution (DCN), which limn does not have")

    def test_heads_of_other_shapes_are_refused_by_name(self):
        shapes = {n: s for n, s in center_net_shapes(classes=80, head=5).items() if "num_batches" not in n}
        for name, shape, words in (
            ("hm.2.weight", (3, 5, 1, 1), "hm.2.weight has shape [3, 5, 1, 1], expected [1, 5, 1, 1]"),
            ("hm.2.bias", (79,), "hm.2.weight has shape [80, 5, 1, 1], expected [1, 5, 1, 1] and 1 more"),
            ("wh.2.weight", (160, 5, 1, 1), "wh.2.weight has shape [160, 5, 1, 1], expected [2, 5, 1, 1]"),
            ("hm.0.weight", (5, 6, 5, 5), "hm.0.weight has shape [5, 6, 5, 5], expected a kernel of 3x3"),
            ("reg.0.weight", (4, 6, 3, 3), "reg.0.weight has shape [4, 6, 3, 3], expected [5, 6, 3, 3]"),
            ("hps.2.weight", (34, 5, 1, 1), "unknown tensor hps.2.weight"),
        ):
            self.refuses(arrays_for({**shapes, name: shape}), words)
        for name in ("hm.2.weight", "hm.2.bias", "wh.0.bias", "reg.2.weight"):
            arrays = arrays_for(shapes)
            del arrays[name]
            self.refuses(arrays, "missing tensor " + name)

    def test_the_publisher_s_name_is_in_the_message_too(self):
        shapes = center_net_shapes(classes=3, deconvs=((8, 4),) * 3, convolutions=True, head=5)
        for change in (mmdet_center_name, imgclsmob_center_name):
            arrays = {change(name): value for name, value in arrays_for(shapes).items()}
            self.refuses(arrays, "tensor %s (hm.2.weight) has shape [3, 5, 1, 1]" % change("hm.2.weight"))

    def test_its_decoder_has_its_own_settings(self):
        arrays = arrays_for(center_net_shapes())
        options = "--decoder center --threshold 0.25 --iou 0.5 --max-people 20 --offset 1.5".split()
        decoder = {"type": "center", "offset": 1.5, "threshold": 0.25, "max_people": 20, "iou": 0.5}
        self.assertEqual(self.converts(arrays, *options)[0]["decoder"], decoder)

    def test_options_of_other_networks_are_refused(self):
        arrays = arrays_for(center_net_shapes())
        for options, words in (
            ("--keypoints mpii16", "--keypoints does not apply to a person detector"),
            ("--crop 1.2", "--crop does not apply to a person detector"),
            ("--stride-on 1x1", "--stride-on 1x1 does not apply to a CenterNet"),
            ("--activation sigmoid", "--activation sigmoid does not apply to a CenterNet"),
            ("--decoder argmax", "--decoder argmax is for keypoints"),
            ("--margin 1", "--margin does not apply to the decoder center"),
            ("--draw-threshold 0.5", "--draw-threshold does not apply to the decoder center"),
        ):
            self.refuses(arrays, words, options=options.split())
        for options, words in (
            ("--decoder center", "--decoder center is for person detectors"),
            ("--threshold 0.5", "--threshold does not apply to the decoder quarter_offset"),
            ("--iou 0.5", "--iou does not apply to the decoder quarter_offset"),
            ("--max-people 5", "--max-people does not apply to the decoder quarter_offset"),
        ):
            self.refuses(arrays_of(), words, options=options.split())


class Options(ConvertTest):
    def test_options_override_the_family(self):
        document, _ = self.converts(
            arrays_of(),
            *"--name mine --input 192x160 --channels rgb --mean 0 0.5 1 --std 1 2 3 --geometry letterbox".split(),
            *"--padding 1.1 --crop 1.2 --resample nearest --offset 1.5 --margin 2 --url http://x/ --license MIT".split(),
            *"--draw-threshold 0.5".split(),
            *["--trained-on", "ten photos", "--accuracy", "set a", "PCK@0.2", "0.5"],
            *["--accuracy", "set b", "AP", "0.25"],
        )
        self.assertEqual(document["name"], "mine")
        self.assertEqual(
            document["input"],
            {
                "width": 160,
                "height": 192,
                "channels": "rgb",
                "mean": [0, 0.5, 1],
                "std": [1, 2, 3],
                "geometry": "letterbox",
                "padding": 1.1,
                "resample": "nearest",
                "crop": 1.2,
            },
        )
        decoder = {"type": "quarter_offset", "offset": 1.5, "margin": 2, "draw_threshold": 0.5}
        self.assertEqual(document["decoder"], decoder)
        source = {key: document["source"][key] for key in ("url", "license", "trained_on")}
        self.assertEqual(source, {"url": "http://x/", "license": "MIT", "trained_on": "ten photos"})
        self.assertEqual(
            document["accuracy"],
            [{"set": "set a", "metric": "PCK@0.2", "value": 0.5}, {"set": "set b", "metric": "AP", "value": 0.25}],
        )

    def test_each_decoder_has_its_own_settings(self):
        for options, expected in (
            ("--decoder argmax", {"type": "argmax", "offset": 0.0}),
            ("--decoder argmax --offset 2", {"type": "argmax", "offset": 2.0}),
            ("--decoder dark", {"type": "dark", "offset": 0.0, "kernel": 11}),
            ("--decoder dark_udp --geometry udp", {"type": "dark_udp", "offset": 0.0, "kernel": 11}),
            ("--decoder dark --kernel 17", {"type": "dark", "offset": 0.0, "kernel": 17}),
            ("--decoder quarter_offset", {"type": "quarter_offset", "offset": 0.0, "margin": 1}),
            ("--margin 0", {"type": "quarter_offset", "offset": 0.0, "margin": 0}),
        ):
            self.assertEqual(self.converts(arrays_of(), *options.split())[0]["decoder"], expected)
        trt_pose = arrays_for(trt_pose_shapes())
        document, _ = self.converts(trt_pose, *"--cmap-threshold 0.15 --link-threshold 0.2".split())
        thresholds = (document["decoder"]["cmap_threshold"], document["decoder"]["link_threshold"])
        self.assertEqual(thresholds, (0.15, 0.2))
        document, _ = self.converts(trt_pose, "--link-threshold=-0.2")
        self.assertEqual(document["decoder"]["link_threshold"], -0.2)
        document, _ = self.converts(trt_pose, *"--min-keypoints 2".split())
        self.assertEqual(document["decoder"]["min_keypoints"], 2)
        document, _ = self.converts(trt_pose, *"--decoder argmax".split())
        self.assertEqual(document["decoder"], {"type": "argmax", "offset": 2.0})
        os.remove(self.output)
        self.refuses(arrays_of(), "part affinity", options="--decoder part_affinity".split())
        self.refuses(arrays_of(), "--cmap-threshold", "quarter_offset", options="--cmap-threshold 1".split())
        self.refuses(arrays_of(), "--min-keypoints", "quarter_offset", options="--min-keypoints 2".split())
        self.refuses(arrays_of(), "--margin", "argmax", options="--decoder argmax --margin 1".split())
        self.refuses(arrays_of(), "--kernel", "quarter_offset", options="--kernel 11".split())

    def test_the_family_is_asked_for_onnx_files_alone(self):
        self.refuses(arrays_of(), "--family is for ONNX files", options="--family microsoft".split())

    def test_a_hash_that_agrees_lets_the_checkpoint_pass(self):
        data = zip_checkpoint(arrays_of())
        self.converts(data, "--sha256", hashlib.sha256(data).hexdigest().upper())
        self.converts(data, "--sha1", hashlib.sha1(data).hexdigest())

    def test_a_hash_of_the_file_inside_a_zip_or_of_the_zip_lets_it_pass(self):
        inner = legacy_checkpoint(arrays_of())
        outer = io.BytesIO()
        with zipfile.ZipFile(outer, "w") as archive:
            archive.writestr("a.pth", inner)
        self.converts(outer.getvalue(), "--sha1", hashlib.sha1(inner).hexdigest())
        self.converts(outer.getvalue(), "--sha256", hashlib.sha256(outer.getvalue()).hexdigest())

    def test_a_hash_that_disagrees_is_told_before_the_pickle_is_touched(self):
        hostile = zip_checkpoint(Call(Global("os", "system"), ("true",)))
        found = hashlib.sha256(hostile).hexdigest()
        self.refuses(hostile, "sha256 is " + found, "expected " + "0" * 64, options=["--sha256", "0" * 64])
        self.refuses(hostile, "sha1 is", options=["--sha1", "0" * 40])

    def test_usage_errors_have_status_2(self):
        for options in (
            "--input 256",
            "--input 250x192",
            "--input 0x192",
            "--input 256x-192",
            "--channels grey",
            "--keypoints mpii",
            "--sha256 123",
            "--padding 0",
            "--crop 0.9",
            "--crop -1",
            "--std 1 0 1",
            "--mean 1 2",
            "--offset nan",
            "--kernel 10",
            "--kernel 1",
            "--mean 0 0 inf",
            "--input 16416x32",
            "--margin -1",
            "--threshold 1.1",
            "--iou -0.1",
            "--max-people 0",
            "--accuracy a b c",
            "--accuracy a b inf",
            "--geometry fit",
            "--nonsense",
        ):
            with self.subTest(options):
                status, out, err = self.run_convert(arrays_of(), *options.split())
                self.assertEqual((status, out), (2, ""))
                self.assertIn("usage:", err)
                self.assertFalse(os.path.exists(self.output))


class Output(ConvertTest):
    def test_the_summary_line_names_network_parameters_type_and_size(self):
        status, out, _ = self.run_convert(arrays_of(), "--f16")
        self.assertEqual(status, 0)
        shapes = shapes_of().items()
        count = sum(int(np.prod(s)) for n, s in shapes if not n.endswith(("mean", "var", "tracked")))
        for word in (self.output, "pose_resnet18", "bgr 256x256", "%d parameters" % count, "F16"):
            self.assertIn(word, out)
        self.assertIn("%d bytes" % os.path.getsize(self.output), out)

    def test_f16_rounds_kernels_to_the_nearest_half_and_keeps_the_rest(self):
        arrays = arrays_of()
        arrays["conv1.weight"].flat[:6] = [1 + 2**-11, 1 + 3 * 2**-11, 65504, 65519, 2**-24, 2**-26]
        arrays["bn1.running_var"][0] = 1e6  # beyond half's range, and no business of --f16
        _, found = self.converts(arrays, "--f16")
        expected = [1, 1 + 2**-9, 65504, 65504, 2**-24, 0]  # ties to even
        np.testing.assert_array_equal(found["conv1.weight"].flat[:6], expected)
        for name, value in found.items():
            kernel = value.ndim == 4
            self.assertEqual(value.dtype, "<f2" if kernel else "<f4", name)
            self.assertEqual(value.tobytes(), arrays[name].astype(value.dtype).tobytes(), name)

    def test_f16_refuses_kernels_beyond_its_range_by_tensor(self):
        arrays = arrays_of()
        arrays["layer2.0.conv2.weight"].flat[9] = 65520
        self.refuses(arrays, "layer2.0.conv2.weight", "65504", options=["--f16"])
        self.converts(arrays)

    def test_the_same_checkpoint_makes_the_same_file(self):
        files = []
        data = zip_checkpoint(arrays_of())  # once: a zip archive has the time in it
        for _ in range(2):
            self.converts(data, "--f16")
            with open(self.output, "rb") as file:
                files.append(file.read())
        self.assertEqual(files[0], files[1])

    def test_odd_numbers_of_halves_leave_every_tensor_aligned(self):
        _, found = self.converts(arrays_of(keypoints=5, deconvs=((7, 3),) * 3), "--f16", *self.five())
        self.assertEqual(found["final_layer.weight"].size % 2, 1)  # read_model checks the rest

    def five(self):
        document = {"keypoints": list("abcde"), "links": []}
        return ["--keypoints", self.write("five.json", json.dumps(document))]

    def test_tensors_are_in_the_order_of_the_layers(self):
        _, found = self.converts(arrays_of())
        self.assertEqual(list(found), [name for name in arrays_of() if "num_batches_tracked" not in name])

    def test_a_failure_leaves_an_older_file_as_it_was(self):
        self.write("out.safetensors", b"older")
        status, _, _ = self.run_convert(dict(arrays_of(), extra=np.zeros(1, "<f4")))
        self.assertEqual(status, 1)
        with open(self.output, "rb") as file:
            self.assertEqual(file.read(), b"older")

    def test_a_failure_while_writing_leaves_nothing(self):
        with mock.patch("os.replace", side_effect=OSError(28, "No space left on device")):
            self.refuses(arrays_of(), "out.safetensors: cannot be written: No space left on device")

    def test_the_new_file_has_the_usual_permissions(self):
        self.converts(arrays_of())
        with open(self.path("usual"), "wb"):
            pass
        usual = stat.S_IMODE(os.stat(self.path("usual")).st_mode)
        self.assertEqual(stat.S_IMODE(os.stat(self.output).st_mode), usual)

    def test_a_folder_that_is_not_there_is_told(self):
        self.output = os.path.join(self.folder, "nowhere", "out.safetensors")
        self.refuses(arrays_of(), "nowhere", "No such file or directory")

    def test_the_checkpoint_is_not_overwritten(self):
        data = zip_checkpoint(arrays_of())
        self.output = self.path("in.pth")
        status, _, err = self.run_convert(data)
        self.assertEqual((status, err.count("\n")), (1, 1))
        with open(self.output, "rb") as file:
            self.assertEqual(file.read(), data)

    def test_a_checkpoint_that_is_not_there_is_told(self):
        script = os.path.join(ROOT, "tools", "convert.py")
        command = [sys.executable, script, self.path("no.pth"), self.output]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "convert.py: %s: No such file or directory\n" % self.path("no.pth"))

    def test_the_program_converts_a_network_of_real_width(self):
        root = {}
        for name, shape in shapes_of(18, 16, ((256, 4),) * 3, base=64).items():
            count = name.endswith("num_batches_tracked")
            one = Storage("LongStorage", bytes(8)) if count else Storage("FloatStorage", struct.pack("<f", 2))
            root[name] = Tensor(one, 0, shape, (0,) * len(shape))
        script = os.path.join(ROOT, "tools", "convert.py")
        command = [sys.executable, script, self.write("wide.pth", legacy_checkpoint(root)), self.output, "--f16"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("15376464 parameters", done.stdout)
        _, found = read_model(self.output)
        self.assertEqual(found["layer4.1.conv2.weight"].shape, (512, 512, 3, 3))
        self.assertTrue(all((value == 2).all() for value in found.values()))


# ---- Against PyTorch -----------------------------------------------------------------------------------------------


@unittest.skipUnless(torch, "PyTorch is not installed")
class AgainstPyTorch(ConvertTest):
    def saved(self, root, zip_format):
        file = io.BytesIO()
        torch.save(root, file, _use_new_zipfile_serialization=zip_format)
        return file.getvalue()

    def check(self, state, wrap=lambda state: state):
        expected = {name: value.detach().float().contiguous().numpy() for name, value in state.items()}
        for zip_format in (True, False):
            with self.subTest(zip_format=zip_format):
                self.assert_same(self.converts(self.saved(wrap(state), zip_format))[1], expected)

    def state(self, dtype=None):
        state = OrderedDict((name, torch.from_numpy(value.copy())) for name, value in arrays_of().items())
        return OrderedDict((name, v.to(dtype) if dtype and v.is_floating_point() else v) for name, v in state.items())

    def test_state_dicts_are_read_as_torch_wrote_them(self):
        self.check(self.state())

    def test_other_precisions_are_read_as_torch_wrote_them(self):
        for dtype in (torch.float16, torch.bfloat16, torch.float64):
            with self.subTest(dtype=dtype):
                self.check(self.state(dtype))

    def test_strides_offsets_and_shared_storages_are_read_as_torch_wrote_them(self):
        state = self.state()
        state["conv1.weight"] = state["conv1.weight"].contiguous(memory_format=torch.channels_last)
        state["layer1.0.conv1.weight"] = state["layer1.0.conv1.weight"].transpose(0, 1)
        pair = torch.rand(2, NARROW)
        state["bn1.weight"], state["bn1.bias"] = pair[0], pair[1]
        state["bn1.running_mean"] = torch.rand(3 * NARROW)[2::3]
        state["bn1.running_var"] = torch.ones(1).expand(NARROW)
        self.check(state)

    def test_parameters_and_optimizer_state_are_read_as_torch_wrote_them(self):
        state = self.state()
        state["conv1.weight"] = torch.nn.Parameter(state["conv1.weight"])
        optimizer = torch.optim.Adam([state["conv1.weight"]])
        state["conv1.weight"].square().sum().backward()
        optimizer.step()

        def wrap(state):
            return {"epoch": 3, "perf": 0.5, "state_dict": state, "optimizer": optimizer.state_dict()}

        self.check(state, wrap)

    def test_the_reference_networks_of_every_family_have_the_tensors_that_are_expected(self):
        sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
        from center_net import CenterNet
        from cmap_paf import CmapPaf, limn_name
        from hrnet import HRNet
        from pose_resnet import PoseResNet

        def expected(network, rename=lambda name: name):
            state = {rename(n): t for n, t in network.state_dict().items() if not n.endswith("num_batches_tracked")}
            return {name: tuple(value.shape) for name, value in state.items() if name}

        def names(shapes, change=lambda name: name):
            return {change(name): shape for name, shape in shapes.items() if "num_batches" not in name}

        with mock.patch.object(networks, "BASE_CHANNELS", 64):
            for shapes in (
                expected(PoseResNet(18, 16, deconv_channels=(512,) * 3, output_activation="sigmoid")),
                expected(PoseResNet(50, 17, 12, (8, 7), (4, 2), normalization="bias")),
                expected(HRNet(7, 17)),
                expected(HRNet(5, 3, 3, "none", "none")),
                expected(CmapPaf(18, 18, 21), limn_name),
                expected(CmapPaf(50, 4, 3, 8, 2, 1, False), limn_name),
                expected(CenterNet(18, 32, (128, 128), (4, 4))),
                expected(CenterNet(50, 8, (7, 6), (2, 3), True, True, 5, False, "bias", "none")),
            ):
                if "paf_conv.weight" in shapes:
                    network = networks.cmap_paf
                elif any(name.startswith("hm.") for name in shapes):
                    network = networks.center_net
                else:
                    network = networks.pose_resnet_or_hrnet
                self.assertEqual(network(shapes).shapes, shapes)
        self.assertEqual(expected(CmapPaf(18, 18, 21)), names(trt_pose_shapes(width=256, base=64)))
        self.assertEqual(
            expected(CmapPaf(18, 5, 4, 8, 2, 1, False)),
            names(trt_pose_shapes(keypoints=5, links=4, upsamples=2, flat=1, attention=False, base=64)),
        )

    def test_a_whole_module_is_refused_by_its_class(self):
        for zip_format in (True, False):
            self.refuses(self.saved(torch.nn.Conv2d(3, 4, 1), zip_format), "torch.nn.modules.conv.Conv2d")


# ---- The default model ---------------------------------------------------------------------------------------------


class DefaultModel(unittest.TestCase):
    NAME = "pose_resnet18_mpii16_256x192"
    MODEL = os.path.join(ROOT, "weights", NAME + ".safetensors")
    CARD = os.path.join(ROOT, "weights", "README.md")

    def card(self):
        with open(self.CARD, encoding="utf-8") as file:
            return file.read()

    def test_the_card_names_the_files_hashes_and_sizes(self):
        names = sorted(name for name in os.listdir(os.path.dirname(self.MODEL)) if name.endswith(".safetensors"))
        self.assertEqual(len(names), 4)
        for name in names:
            with open(os.path.join(os.path.dirname(self.MODEL), name), "rb") as file:
                data = file.read()
            self.assertIn("`{}`, {:,} bytes".format(name, len(data)), self.card())
            self.assertIn(hashlib.sha256(data).hexdigest(), self.card())

    def test_the_file_says_how_it_was_trained_to_be_used(self):
        document, _ = read_model(self.MODEL)
        self.assertEqual(document["name"], self.NAME)
        expected = {"width": 192, "height": 256, "channels": "rgb", "geometry": "affine", "padding": 1.25, "crop": 1.2}
        self.assertEqual({key: document["input"][key] for key in expected}, expected)
        self.assertEqual(document["decoder"], {"type": "dark", "offset": 0, "kernel": 11, "draw_threshold": 0.7})
        self.assertEqual(document["keypoints"], SKELETONS["mpii16"].keypoints)
        for entry in document["accuracy"]:
            self.assertIn("{:.4f}".format(entry["value"]), self.card())

    def test_every_command_of_the_card_is_understood(self):
        blocks = re.findall(r"```\n(python3 tools/convert\.py .*?)\n```", self.card(), re.S)
        self.assertGreaterEqual(len(blocks), 3)
        for block in blocks:
            for line in block.replace("\\\n", " ").split("\n"):
                convert.parse(shlex.split(line)[2:])


if __name__ == "__main__":
    unittest.main()
