"""Epochs, learning rate, checkpoints and validation.

No generator of random numbers lives on from step to step: the order of an epoch and the variation of each sample follow
from seed and epoch (samples.py). So weights, the optimiser's state and the place in the epoch are all that a checkpoint
needs to go on as if there had been no interruption.
"""

import copy
import math
import time
from typing import NamedTuple, Tuple, Union

import torch

from limn_convert.checkpoint import Checkpoint, Tensor
from limn_convert.files import replaced

from . import TrainError
from .augmentation import Variation
from .crew import Crew
from .detection import SceneVariation
from .network import initialize
from .samples import order
from .tasks import DetectionTask, KeypointTask

MEAN = (0.485, 0.456, 0.406)  # of ImageNet, R, G, B
STD = (0.229, 0.224, 0.225)
PUBLISHED_EPOCHS = 140
PUBLISHED_STEPS = (90, 120)  # epochs after which the learning rate falls to a tenth


class Recipe(NamedTuple):
    """All that the result depends on, besides annotations, photos, starting weights and the kind of machine."""

    detector: bool = False  # of people in a photo; else the keypoints of one
    depth: int = 18
    width: int = 64  # channels of the ResNet's first layer
    size: Tuple[int, int] = (256, 256)  # height, width
    head: Tuple[int, ...] = (256, 256, 256)
    epochs: int = PUBLISHED_EPOCHS
    batch: int = 32
    learning_rate: float = 1e-3
    schedule: str = "step"  # or cosine
    steps: Tuple[int, ...] = PUBLISHED_STEPS
    warmup: int = 0  # optimiser steps in which the learning rate rises from 0
    sigma: float = 2.0  # cells
    exact_targets: bool = False
    absent_targets: bool = False  # 0 for a labelled keypoint outside of the input
    crop: float = 0.0  # black is all outside of a person's box enlarged so often; 0 for no crop
    average: float = 0.0  # of the weights over the steps: what of the old one remains in a step; 0 for none
    variation: Union[Variation, SceneVariation] = Variation()
    precision: str = "f32"  # or bf16
    seed: int = 0


def task_of(recipe):
    return DetectionTask if recipe.detector else KeypointTask


def learning_rate(recipe, epoch, step, steps_per_epoch):
    """At one step of an epoch, both counted from 0.

    step: a tenth after each of `steps` epochs (Microsoft, experiments/). cosine: from all to nothing over the whole
    training (Loshchilov & Hutter, SGDR, without restarts).
    """
    done = epoch * steps_per_epoch + step
    rate = recipe.learning_rate
    if recipe.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * done / (recipe.epochs * steps_per_epoch)))
    else:
        rate *= 0.1 ** sum(epoch >= end for end in recipe.steps)
    return rate * min(1, (done + 1) / recipe.warmup) if recipe.warmup else rate


def precision_for(device):
    """bf16 where the machine computes with it, else f32."""
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "f32"
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            return "bf16" if "avx512_bf16" in file.read() else "f32"
    except OSError:
        return "f32"


class Trainer:
    """network, optimiser and the place in the training: `epoch` epochs and `step` steps of the next are done.

    annotations, validation: as the recipe's task reads them (tasks.py); validation may be None. workers: processes that
    read photos, 0 for none. crew: the processes that share each batch (crew.py).
    """

    def __init__(self, recipe, annotations, validation=None, decoder=None, device="cpu", workers=0, crew=Crew()):
        self.recipe = recipe
        self.annotations = annotations
        self.validation = validation
        self.task = task_of(recipe)(recipe, annotations, validation, decoder)
        self.device = torch.device(device)
        self.workers = workers
        self.crew = crew
        self.batch = min(recipe.batch, self.task.count)
        if self.batch % crew.size:
            raise TrainError(f"a batch of {self.batch} cannot be shared by {crew.size} processes")
        self.steps_per_epoch = self.task.count // self.batch
        self.epoch = self.step = 0
        self.stop = False  # set to stop after the step that is being done
        self.network = self.task.network()
        initialize(self.network, torch.Generator().manual_seed(recipe.seed))
        self.network.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network).eval() if recipe.average > 0 else None
        self.optimizer = torch.optim.Adam(self.network.parameters(), recipe.learning_rate)
        if self.device.type == "cuda":
            torch.backends.cudnn.deterministic = True

    # ---- Training ----

    def run(self, checkpoint=None, save_every=600, validate_every=1, report=None):
        """Trains to the end, or until `stop` is set; tells which. report: an object with the methods of Report."""
        report = report or Report()
        saved = time.monotonic()
        while self.epoch < self.recipe.epochs and not self.stop:
            losses = []
            for images, *told, _ in self._epochs_rest():
                loss = self._learn(images, told)
                loss, stop = self.crew.agreed(loss, self.stop)
                if stop:  # never unset: a signal may have come in between
                    self.stop = True
                losses.append(loss)
                self.step += 1
                report.step(self, losses)
                if self.stop and self.step < self.steps_per_epoch:
                    break
                if checkpoint and time.monotonic() - saved > save_every and self.step < self.steps_per_epoch:
                    self.save(checkpoint)
                    saved = time.monotonic()
            else:
                self.epoch, self.step = self.epoch + 1, 0
                due = self.epoch % validate_every == 0 or self.epoch == self.recipe.epochs
                tally = self.validate() if self.validation and due else None
                report.epoch(self, float(torch.stack(losses).mean()), tally)
            if checkpoint:
                self.save(checkpoint)
                saved = time.monotonic()
        return self.epoch == self.recipe.epochs

    def rate(self):
        """The learning rate of the step to come."""
        return learning_rate(self.recipe, self.epoch, self.step, self.steps_per_epoch)

    def _epochs_rest(self):
        samples = self.task.samples(self.epoch)
        numbers = order(len(samples), self.recipe.seed, self.epoch)
        numbers = numbers[self.step * self.batch : self.steps_per_epoch * self.batch]
        return self._batches(samples, self.crew.share(numbers, self.batch), self.batch // self.crew.size)

    def _batches(self, samples, numbers, batch):
        loader = torch.utils.data.DataLoader(
            samples,
            batch,
            sampler=numbers,
            num_workers=self.workers,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # it draws a number that nothing uses; not from the global generator
        )
        try:
            yield from loader
        except TrainError as error:  # from a worker it comes with a traceback around it
            raise TrainError(str(error).rsplit("TrainError: ", 1)[-1].strip()) from None

    def _learn(self, images, told):
        self.network.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        loss = self.task.loss(self._forward(self.network, images), *(values.to(self.device) for values in told))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.crew.average_gradients(self.network)
        self.optimizer.step()
        if self.average:
            self._add_to_average()
        return loss.detach()

    def _add_to_average(self):
        """Weights and statistics of batch norm, averaged exponentially over the steps; of less steps at the beginning
        (Tarvainen & Valpola, "Mean teachers are better role models", 2017)."""
        done = self.epoch * self.steps_per_epoch + self.step + 1
        new = 1 - min(self.recipe.average, done / (done + 9))
        with torch.no_grad():
            for mean, value in zip(self.average.state_dict().values(), self.network.state_dict().values()):
                if mean.is_floating_point():
                    mean.lerp_(value, new)
                else:
                    mean.copy_(value)

    def learned(self):
        """The network as it is to be used: the average, if there is one."""
        return self.average or self.network

    def start(self, load):
        """Has `load` change the network's weights before the first step; returns what that does."""
        result = load(self.network)
        if self.average:
            self.average.load_state_dict(self.network.state_dict())
        return result

    def _forward(self, network, images):
        x = images.to(self.device, non_blocking=True).to(torch.float32, memory_format=torch.channels_last)
        mean, std = (torch.tensor(v, device=self.device).view(3, 1, 1) for v in (MEAN, STD))
        half = self.recipe.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            return network((x / 255 - mean) / std)

    # ---- Validation ----

    def validate(self):
        """The task's tally of those to validate on: boxes as annotated, no flip test."""
        tally = self.task.tally()
        samples = self.task.validation_samples()
        network = self.learned().eval()
        with torch.no_grad():
            for images, *_, numbers in self._batches(samples, range(len(samples)), self.batch):
                self.task.add(tally, self._forward(network, images).float().cpu().numpy(), numbers.tolist())
        return tally

    # ---- Checkpoints ----

    def save(self, path):
        """All of the file or none. convert.py takes it as it is. Of a crew the first process saves."""
        if self.crew.rank > 0:
            return
        state = {
            "recipe": self._recipe(),
            "annotations": self.annotations.sha256,
            "epoch": self.epoch,
            "step": self.step,
            "state_dict": _on_cpu(self.learned()),
            "optimizer": self.optimizer.state_dict(),
        }
        if self.average:
            state["learning"] = _on_cpu(self.network)
        try:
            with replaced(path) as temporary:
                torch.save(state, temporary)
        except (OSError, RuntimeError) as error:
            raise TrainError(f"{path}: cannot be written: {error}") from None

    def load(self, path):
        """Goes on from where a checkpoint was saved. It must be of the same recipe and annotations."""
        try:
            with open(path, "rb") as file:
                state = Checkpoint(file.read()).load()  # not torch.load, which may run what a file says
            recipe, sha256 = state["recipe"], state["annotations"]
        except Exception as error:  # a damaged file can raise nearly anything
            raise TrainError(f"{path}: no checkpoint of train.py: {error}") from None
        for key, value in self._recipe().items():
            if recipe.get(key) != value:
                raise TrainError(f"{path}: was saved with {key} {recipe.get(key)}, and this is with {value}")
        if sha256 != self.annotations.sha256:
            raise TrainError(f"{path}: was saved while training on other annotations")
        self.network.load_state_dict(_tensors(state["learning"] if self.average else state["state_dict"]))
        if self.average:
            self.average.load_state_dict(_tensors(state["state_dict"]))
        self.optimizer.load_state_dict(_tensors(state["optimizer"]))
        self.epoch, self.step = state["epoch"], state["step"]

    def _recipe(self):
        return {**self.recipe._asdict(), "variation": self.recipe.variation._asdict()}


def _on_cpu(network):
    return {name: value.cpu().contiguous() for name, value in network.state_dict().items()}


def _tensors(value):
    """What was read of a checkpoint, with PyTorch's tensors in the place of limn_convert's."""
    if isinstance(value, Tensor):
        return torch.tensor(value.to_float32())
    if isinstance(value, dict):
        return {key: _tensors(part) for key, part in value.items()}
    return [_tensors(part) for part in value] if isinstance(value, list) else value


class Report:
    """Hears of every step and epoch; does nothing with it."""

    def step(self, trainer, losses):
        pass

    def epoch(self, trainer, loss, tally):
        pass
