"""The parts of tools/convert.py, in the order in which a checkpoint passes through them.

checkpoint  a PyTorch file to tensors by name, without PyTorch and without running what the file says
families    whose network it is, told by the tensor names: how to rename them, how its input and output are meant
networks    which layers and tensors that network has, with their shapes
onnx_file   or an ONNX file to a graph of layers
onnx_match  which network that graph is, and its tensors by limn's names
skeletons   keypoint names, links and flip pairs
model_file  limn's safetensors file
options     types of command line options, and files, how they are written, for the other tools too
"""


class ConvertError(Exception):
    """One sentence for the user: what was expected and what was found. `file` where it is not the checkpoint."""

    def __init__(self, message, file=None):
        super().__init__(message)
        self.file = file
