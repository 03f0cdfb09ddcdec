#!/usr/bin/env python3
"""Trains a network of Simple Baselines on people annotated in COCO's keypoint format, or a person detector on their
boxes, and writes a limn model file.

Needs PyTorch, numpy, and OpenCV or Pillow (on Debian: apt install python3-torch python3-pil, and run it with
/usr/bin/python3).
"""

import argparse
import functools
import json
import math
import os
import signal
import sys
import tempfile
import time

try:
    import numpy  # noqa: F401
    import torch
except ImportError as error:
    sys.exit(f"train.py: {error.name} is missing (on Debian: apt install python3-torch, and /usr/bin/python3 train.py)")

import convert
from limn_convert import ConvertError
from limn_convert.networks import CHANNELS, DECONVS, RESNETS, WIDTHS
from limn_convert.options import crop_factor, input_size, number
from limn_train import TrainError
from limn_train.augmentation import PADDING, Variation
from limn_train.crew import Crew, Lost, run_crew
from limn_train.decoding import dark_kernel
from limn_train.detection import PEOPLE, SceneVariation
from limn_train.images import check_installed
from limn_train.start import start_from
from limn_train.training import PUBLISHED_EPOCHS, PUBLISHED_STEPS, Recipe, Report, Trainer, precision_for, task_of

EPILOG = """\
The defaults are the recipe published with Simple Baselines for MPII. Keypoints, their names and links come from the
annotations' category; flip pairs are the names that differ in left and right. Planes are R, G, B, and the box of a
person is enlarged 1.25 times.

On a CPU with Linux, GLIBC_TUNABLES=glibc.malloc.hugetlb=1 MALLOC_TRIM_THRESHOLD_=4000000000 in the environment saves
about a fifth of the time: memory is not given back to the system and fetched anew in each step.

--detector trains the network of "Objects as Points" (Zhou et al., 2019) for people, a ResNet18 of half width with two
transposed convolutions unless told otherwise, on whole photos. Photos without anybody count as well; crowds, and
people of whom hardly anything is to be seen, need not be found.

Interrupted by Ctrl-C, by SIGTERM or by worse, it goes on with --resume and the same options, and the result is as if it
had not been interrupted (on the same kind of machine, with as many --threads). convert.py makes a model file of a
checkpoint, too.
"""


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="train.py", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    positive, share, least_0 = number(1, 10**7, int), number(0, 1), number(0, 10**7, int)
    add = parser.add_argument
    add("annotations", metavar="ANNOTATIONS.json", help="whom to train on")
    add("output", metavar="OUT.safetensors", help="the model file to write")
    add("--images", metavar="FOLDER", help="of the photos (default: the annotations')")
    add("--validation", metavar="FILE.json", help="annotations for PCK while training; keypoints are matched by name")
    add("--validation-images", metavar="FOLDER")
    add("--validate-every", type=positive, default=1, metavar="EPOCHS")

    group = parser.add_argument_group("the network")
    add = group.add_argument
    add("--detector", action="store_true", help="of people in whole photos, instead of a person's keypoints")
    add("--depth", type=int, choices=sorted(RESNETS), default=18, help="of the ResNet (default: 18)")
    add(
        "--width",
        type=number(WIDTHS[0], WIDTHS[-1], int),
        metavar="CHANNELS",
        help="of the ResNet's first layer (default: 64; detector: 32)",
    )
    add("--input", type=input_size, metavar="HxW", help="default: 256x256; detector: 320x320")
    add(
        "--head",
        type=number(CHANNELS[0], CHANNELS[-1], int),
        nargs="+",
        metavar="CHANNELS",
        help="of the deconvolutions (default: 256, three times; one number stands for three; detector: 128, twice)",
    )
    add(
        "--start",
        metavar="FILE",
        help="weights to start from: torchvision's ResNet of this depth, a whole network "
        "that convert.py knows, or a limn model file; of a wider one the stronger channels (default: random)",
    )

    group = parser.add_argument_group("the recipe")
    add = group.add_argument
    add("--epochs", type=positive, default=PUBLISHED_EPOCHS, help="default: %(default)s")
    add("--batch", type=positive, default=32, help="people in a step (default: %(default)s)")
    add("--learning-rate", type=number(1e-9, 10), default=1e-3, metavar="RATE", help="Adam's (default: 0.001)")
    add("--schedule", choices=("step", "cosine"), default="step", help="default: step")
    add(
        "--steps",
        type=positive,
        nargs="*",
        metavar="EPOCH",
        help="after which the rate falls to a tenth (default: 90 120 of 140 epochs, and these shares of others)",
    )
    add("--warmup", type=least_0, default=0, metavar="STEPS", help="in which the rate rises from 0 (default: 0)")
    add(
        "--sigma",
        type=number(0.1, 100),
        metavar="CELLS",
        help="of the targets (default: 2, and 3 for inputs from 384 on)",
    )
    add(
        "--targets",
        choices=("rounded", "exact"),
        default="rounded",
        help="Gaussians around whole cells, as published, read with a quarter offset; or around the exact place, read "
        "with DARK (default: rounded)",
    )
    add(
        "--absent",
        choices=("ignore", "zero"),
        default="ignore",
        help="a labelled keypoint that lies outside of the input counts for nothing, as published; or the network is "
        "to say that it is not there: its heatmap is to be 0 (default: ignore)",
    )
    add(
        "--crop",
        type=crop_factor,
        default=0.0,
        metavar="C",
        help="black: all outside of a person's box enlarged C times, in training and, as the model file says, in "
        "estimation (default: 0, nothing)",
    )
    add(
        "--average",
        type=number(0, 0.99999),
        default=0.0,
        metavar="DECAY",
        help="validate and write an exponential average of the weights over the steps, e.g. 0.999 (default: 0, none)",
    )
    add("--seed", type=least_0, default=0)

    group = parser.add_argument_group("variation of the photos")
    add = group.add_argument
    add(
        "--rotation",
        type=number(0, 180),
        default=30.0,
        metavar="DEGREES",
        help="standard deviation (default: 30; published for COCO: 40)",
    )
    add(
        "--scale",
        type=number(0, 0.9),
        metavar="S",
        help="by 1 +- S (default: 0.25; published for COCO: 0.3; detector: up to 1 + S times as large or small, 0.5)",
    )
    add(
        "--stretch",
        type=number(0, 0.9),
        default=0.3,
        metavar="S",
        help="detector: the width up to 1 + S times as large or small beside (default: 0.3)",
    )
    add("--flip", type=share, default=0.5, metavar="SHARE", help="of mirrored samples (default: 0.5)")
    add(
        "--half-body",
        type=share,
        default=0.0,
        metavar="SHARE",
        help="of samples that show only the upper or the lower half of a person (default: 0; HRNet: 0.3)",
    )
    add(
        "--colour-jitter",
        type=share,
        default=0.0,
        metavar="J",
        help="contrast, saturation, brightness and each plane times 1 +- J (default: 0)",
    )
    add("--occlusion", type=share, default=0.0, metavar="SHARE", help="of samples with a rectangle of noise (default: 0)")

    group = parser.add_argument_group("where and how")
    add = group.add_argument
    add("--device", help="cpu, cuda or what else PyTorch knows (default: cuda where it is to be had)")
    add("--precision", choices=("f32", "bf16"), help="of the products (default: bf16 where the machine has it)")
    add("--threads", type=positive, help="default: PyTorch's choice")
    add(
        "--processes",
        type=positive,
        default=1,
        metavar="N",
        help="that share each batch, with --threads each; on processors faster than one with many threads (default: 1)",
    )
    add("--workers", type=least_0, help="processes that read photos (default: by the processors)")
    add("--checkpoint", metavar="FILE.pth", help="default: OUT.checkpoint.pth")
    add(
        "--save-every",
        type=number(0, 10**6),
        default=10.0,
        metavar="MINUTES",
        help="and after each epoch (default: 10)",
    )
    add("--resume", action="store_true", help="go on from the checkpoint, if there is one")

    group = parser.add_argument_group("what the model file says of itself")
    add = group.add_argument
    add("--f16", action="store_true", help="store convolution weights in half precision")
    add("--name", help="default: network, keypoints and input size")
    add("--license", default="")
    add("--trained-on", default="", metavar="TEXT", help="default: the annotations' file and the number of people")
    options = parser.parse_args(arguments)
    if options.detector:
        defaults = {"width": 32, "input": (320, 320), "head": [128, 128], "scale": 0.5}
        if options.head and len(options.head) not in DECONVS:
            parser.error(f"--head: expected {DECONVS[0]} to {DECONVS[-1]} numbers")
    else:
        defaults = {"width": 64, "input": (256, 256), "head": [256], "scale": 0.25}
        if options.head and len(options.head) not in (1, 3):
            parser.error("--head: expected one number or three")
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if not options.detector and len(options.head) == 1:
        options.head *= 3
    return options


def recipe_of(options, device):
    steps = options.steps
    if steps is None:
        steps = [round(options.epochs * step / PUBLISHED_EPOCHS) for step in PUBLISHED_STEPS]
    if options.detector:
        variation = SceneVariation(options.scale, options.stretch, options.flip, options.colour_jitter)
    else:
        variation = Variation(
            options.rotation, options.scale, options.flip, options.half_body, options.colour_jitter, options.occlusion
        )
    return Recipe(
        detector=options.detector,
        depth=options.depth,
        width=options.width,
        size=tuple(options.input),
        head=tuple(options.head),
        epochs=options.epochs,
        batch=options.batch,
        learning_rate=options.learning_rate,
        schedule=options.schedule,
        steps=tuple(steps),
        warmup=options.warmup,
        sigma=options.sigma or (2.0 if max(options.input) < 384 else 3.0),
        exact_targets=options.targets == "exact",
        crop=options.crop,
        average=options.average,
        absent_targets=options.absent == "zero",
        variation=variation,
        precision=options.precision or precision_for(device),
        seed=options.seed,
    )


def decoder_of(recipe):
    """The document's, without offset, that goes with the targets."""
    if recipe.detector:
        return {"type": "center", "max-people": PEOPLE}
    if recipe.exact_targets:
        return {"type": "dark", "kernel": dark_kernel(recipe.sigma)}
    return {"type": "quarter_offset", "margin": 1}


class Printed(Report):
    """A line for each epoch, and where somebody looks on, one that grows old while it runs."""

    def __init__(self):
        self.began = self.shown = time.monotonic()
        self.steps = 0
        self.tally = None
        self.watched = sys.stderr.isatty()

    def step(self, trainer, losses):
        self.steps += 1
        now = time.monotonic()
        if self.watched and now - self.shown > 1:
            self.shown = now
            left = (trainer.recipe.epochs - trainer.epoch) * trainer.steps_per_epoch - trainer.step
            seconds = (now - self.began) / self.steps
            place = f"epoch {trainer.epoch + 1}/{trainer.recipe.epochs}, {trainer.step}/{trainer.steps_per_epoch}"
            loss = float(torch.stack(losses[-50:]).mean())
            text = f"{place}: loss {loss:.6f}, {trainer.batch / seconds:.0f} people/s, {_clock(left * seconds)} left"
            print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)

    def epoch(self, trainer, loss, tally):
        self.tally = tally or self.tally
        if self.watched:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        rate = trainer.optimizer.param_groups[0]["lr"]
        score = f", {tally.metric} {tally.mean():.4f}" if tally else ""
        place = f"epoch {trainer.epoch}/{trainer.recipe.epochs}"
        print(f"{place}: loss {loss:.6f}, rate {rate:.3g}{score}, {_clock(time.monotonic() - self.began)}", flush=True)


def _clock(seconds):
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02d}:{int(seconds) % 60:02d}"


def train(options, crew):
    """Does what the command line says. Returns the exit status. Of a crew the first process tells what happens, and
    writes the files."""
    check_installed()
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    recipe = recipe_of(options, device)
    annotations, validation = task_of(recipe).read(
        options.annotations, options.images, options.validation, options.validation_images
    )
    checkpoint = options.checkpoint or os.path.splitext(options.output)[0] + ".checkpoint.pth"
    workers = options.workers
    if workers is None:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = 0 if device.type == "cpu" else max(processors - 1, 1)

    say = print if crew.rank == 0 else lambda *texts, **_: None
    trainer = Trainer(recipe, annotations, validation, decoder_of(recipe), device, workers, crew)
    width = f" of width {recipe.width}" if recipe.width != 64 else ""
    size = f"{recipe.size[0]}x{recipe.size[1]}"
    say(f"ResNet{recipe.depth}{width}, {size}, {annotations.summary()}, {device} in {recipe.precision}")
    if os.path.exists(checkpoint):
        if not options.resume:
            raise TrainError(f"{checkpoint}: exists; --resume goes on from it, or remove it")
        trainer.load(checkpoint)
        say(f"goes on after {trainer.epoch} epochs and {trainer.step} steps of the next")
    elif options.start:
        taken, left = trainer.start(lambda network: start_from(network, options.start))
        kept = f"; new are {', '.join(left[:3])}{', ...' if len(left) > 3 else ''}" if left else ""
        say(f"starts from {len(taken)} tensors of {options.start}{kept}")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda received, _: _stop(trainer, received))
    printed = Printed() if crew.rank == 0 else Report()
    if not trainer.run(checkpoint, 60 * options.save_every, options.validate_every, printed):
        say(f"interrupted; --resume goes on from {checkpoint}")
        return 130
    if crew.rank > 0:
        return 0  # the first goes on alone
    tally = printed.tally or (trainer.validate() if validation else None)
    if tally:
        print(*tally.lines(), sep="\n")
    print(write_model(options, trainer, checkpoint, tally))
    return 0


def _stop(trainer, number):
    """After this step; a second signal does what it usually does."""
    trainer.stop = True
    signal.signal(number, signal.SIG_DFL)


def write_model(options, trainer, checkpoint, tally):
    """Has convert.py make the model file of the last checkpoint. Returns its line."""
    recipe, decoder = trainer.recipe, decoder_of(trainer.recipe)
    summary = trainer.annotations.summary()
    trained_on = options.trained_on or f"{os.path.basename(options.annotations)}, {summary}"
    with tempfile.TemporaryDirectory() as folder:
        arguments = [checkpoint, options.output]
        if not recipe.detector:
            arguments += [f"--keypoints={keypoint_file(folder, trainer.annotations.skeleton)}"]
        arguments += [f"--input={recipe.size[0]}x{recipe.size[1]}", "--channels=rgb", "--resample=bilinear"]
        arguments += ["--geometry=letterbox"] if recipe.detector else ["--geometry=affine", f"--padding={PADDING}"]
        if recipe.crop:
            arguments += [f"--crop={recipe.crop:g}"]
        arguments += ["--offset=0", f"--decoder={decoder.pop('type')}"]
        arguments += [f"--{key}={value}" for key, value in decoder.items()]
        arguments += [f"--license={options.license}", f"--trained-on={trained_on}"]
        if options.name:
            arguments += [f"--name={options.name}"]
        if options.f16:
            arguments += ["--f16"]
        if tally and not math.isnan(tally.mean()):
            path = os.path.abspath(options.validation)
            arguments += ["--accuracy", os.path.join(os.path.basename(os.path.dirname(path)), os.path.basename(path))]
            arguments += [tally.metric, f"{tally.mean():.4f}"]
        return convert.convert(convert.parse(arguments))


def keypoint_file(folder, skeleton):
    """The skeleton as convert.py reads it; the file's name becomes a part of the model's."""
    path = os.path.join(folder, skeleton.name.replace(os.sep, "_") + ".json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({key: getattr(skeleton, key) for key in ("keypoints", "links", "flip_pairs")}, file)
    return path


def main(arguments=None):
    options = parse(arguments)
    try:
        if options.processes == 1:
            results = [attempt(options, Crew())]
        else:
            results = run_crew(options.processes, functools.partial(attempt, options))
    except TrainError as error:
        results = [(1, str(error))]
    for error in dict.fromkeys(error for _, error in results if error):
        print(f"train.py: {error}", file=sys.stderr)
    return max(status for status, _ in results)


def attempt(options, crew):
    """(exit status, what went wrong)"""
    try:
        return train(options, crew), None
    except Lost:
        return 1, None
    except (TrainError, ConvertError) as error:
        return 1, f"{error.file}: {error}" if getattr(error, "file", None) else str(error)
    except OSError as error:
        return 1, f"{error.filename or options.output}: {error.strerror or error}"


if __name__ == "__main__":
    sys.exit(main())
