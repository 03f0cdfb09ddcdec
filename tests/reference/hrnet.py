"""HRNet in PyTorch, the network that limn's models/hrnet.hpp is compared with.

Structure: Sun, Xiao, Liu & Wang, "Deep High-Resolution Representation Learning for Human Pose Estimation", CVPR 2019.
The state dict has the key names of the authors' release (leoxiaobin/deep-high-resolution-net.pytorch). Modules without
weights are named as the nodes of limn's graph are.

It owes nothing to limn's own descriptions, of which it is independent on purpose: what they have wrong shall show here.
"""

from torch import nn

from resnet import Add, BasicBlock, Bottleneck, Style, add_and_activate, sequence, through

MODULES = {2: 1, 3: 4, 4: 3}  # in each stage
BLOCKS = 4  # in layer1, and in each branch of a module


def conv_sequence(style, channels, out, stride, relu=True):
    conv = style.conv(nn.Conv2d, channels, out, 3, stride, 1)
    return sequence(conv, style.norm(out), style.relu() if relu else None)


class Fuse(nn.Module):
    """All branches to branch `to`: the sum of what their paths make of them, and a ReLU."""

    def __init__(self, widths, to, style):
        super().__init__()
        for branch, width in enumerate(widths):
            if branch < to:
                path = nn.Sequential()
                for step in range(to - branch):
                    last = step == to - branch - 1
                    path.add_module(
                        str(step), conv_sequence(style, width, widths[to] if last else width, 2, relu=not last)
                    )
                self.add_module(str(branch), path)
            elif branch > to:
                conv = style.conv(nn.Conv2d, width, widths[to], 1)
                up = nn.Upsample(scale_factor=2 ** (branch - to), mode="nearest")
                self.add_module(str(branch), sequence(conv, style.norm(widths[to]), up))
        for branch in range(1, len(widths) - 1):
            self.add_module(f"sum{branch}", Add())
        self.add_module(f"sum{len(widths) - 1}", style.last_sum())

    def path(self, branch, x):
        return through(x, getattr(self, str(branch), None))

    def forward(self, branches):
        total = self.path(0, branches[0])
        last = len(branches) - 1
        for branch in range(1, last):
            total = getattr(self, f"sum{branch}")(total, self.path(branch, branches[branch]))
        return add_and_activate(getattr(self, f"sum{last}"), total, self.path(last, branches[last]))


class Module(nn.Module):
    def __init__(self, widths, finest_only, style):
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(BasicBlock(width, width, 1, style=style) for _ in range(BLOCKS))) for width in widths
        )
        self.fuse_layers = nn.ModuleList(Fuse(widths, to, style) for to in range(1 if finest_only else len(widths)))

    def forward(self, branches):
        branches = [blocks(x) for blocks, x in zip(self.branches, branches)]
        return [fuse(branches) for fuse in self.fuse_layers]


class HRNet(nn.Module):
    """(N, 3, H, W) -> (N, keypoints, H / 4, W / 4), H and W multiples of 32. normalization, activation: see Style."""

    def __init__(self, width, keypoints, final_kernel=1, normalization="batch_norm", activation="relu"):
        super().__init__()
        style = Style(normalization, activation)
        self.conv1 = style.conv(nn.Conv2d, 3, 64, 3, 2, 1)
        self.bn1 = style.norm(64)
        self.relu1 = style.relu()
        self.conv2 = style.conv(nn.Conv2d, 64, 64, 3, 2, 1)
        self.bn2 = style.norm(64)
        self.relu2 = style.relu()
        self.layer1 = nn.Sequential(*(Bottleneck(256 if i else 64, 64, 1, style=style) for i in range(BLOCKS)))
        widths = [width << branch for branch in range(4)]
        self.transition1 = nn.ModuleList(
            [conv_sequence(style, 256, widths[0], 1), nn.Sequential(conv_sequence(style, 256, widths[1], 2))]
        )
        for stage, count in MODULES.items():
            if stage > 2:
                new = nn.Sequential(conv_sequence(style, widths[stage - 2], widths[stage - 1], 2))
                setattr(self, f"transition{stage - 1}", nn.ModuleList([None] * (stage - 1) + [new]))
            last = [stage == 4 and number == count - 1 for number in range(count)]
            setattr(
                self, f"stage{stage}", nn.Sequential(*(Module(widths[:stage], finest, style) for finest in last))
            )
        self.final_layer = nn.Conv2d(width, keypoints, final_kernel, padding=final_kernel // 2)

    def forward(self, x):
        x = through(x, self.conv1, self.bn1, self.relu1, self.conv2, self.bn2, self.relu2, self.layer1)
        branches = self.stage2([transition(x) for transition in self.transition1])
        branches = self.stage3([*branches, self.transition2[2](branches[-1])])
        branches = self.stage4([*branches, self.transition3[3](branches[-1])])
        return self.final_layer(branches[0])
