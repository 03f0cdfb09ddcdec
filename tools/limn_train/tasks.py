"""What there is to learn: keypoints of one person, or where in a photo people are. Each has a network, samples, a loss,
and a tally of how well it does on those to validate on."""

from limn_convert.networks import stride_after

from .annotations import read_annotations, read_boxes, with_keypoints
from .augmentation import input_map
from .decoding import decode
from .detection import BoxTally, PhotoSamples, center_loss, found_in
from .images import apply, inverted, read_image
from .network import CenterNet, PoseResNet
from .samples import Samples
from .scores import Tally
from .targets import gaussian_targets, joints_mse


class KeypointTask:
    """annotations, validation: Annotations with the same keypoints; validation may be None."""

    def __init__(self, recipe, annotations, validation, decoder):
        self.recipe = recipe
        self.annotations = annotations
        self.validation = validation
        self.decoder = decoder
        self.count = len(annotations.people)
        self.stride = stride_after(len(recipe.head))

    @staticmethod
    def read(path, images, validation, validation_images):
        annotations = read_annotations(path, images)
        if validation:
            validation = with_keypoints(read_annotations(validation, validation_images), annotations.skeleton.keypoints)
        return annotations, validation or None

    def network(self):
        recipe = self.recipe
        return PoseResNet(recipe.depth, len(self.annotations.skeleton.keypoints), recipe.head, recipe.width)

    def samples(self, epoch):
        recipe = self.recipe
        samples = Samples(self.annotations, recipe.size, recipe.variation, recipe.seed, recipe.crop)
        samples.epoch = epoch
        return samples

    def loss(self, heatmaps, places, labelled):
        recipe = self.recipe
        size = heatmaps.shape[2:]
        targets = gaussian_targets(
            places, labelled, *size, self.stride, recipe.sigma, recipe.exact_targets, recipe.absent_targets
        )
        return joints_mse(heatmaps, *targets)

    def validation_samples(self):
        return Samples(self.validation, self.recipe.size, crop=self.recipe.crop)

    def tally(self):
        return Tally(self.annotations.skeleton.keypoints)

    def add(self, tally, heatmaps, numbers):
        for number, cells in zip(numbers, decode(heatmaps, self.decoder)):
            person = self.validation.people[number]
            photo = inverted(input_map(person.box, *self.recipe.size))
            tally.add(person, apply(photo, self.stride * cells))


class DetectionTask:
    """annotations, validation: Boxes; validation may be None."""

    def __init__(self, recipe, annotations, validation, decoder):
        self.recipe = recipe
        self.photos = annotations.photos
        self.validation = validation
        self.count = len(self.photos)
        self.stride = stride_after(len(recipe.head))

    @staticmethod
    def read(path, images, validation, validation_images):
        return read_boxes(path, images), read_boxes(validation, validation_images) if validation else None

    def network(self):
        return CenterNet(self.recipe.depth, self.recipe.head, self.recipe.width)

    def samples(self, epoch):
        recipe = self.recipe
        return PhotoSamples(self.photos, recipe.size, self.stride, recipe.variation, recipe.seed, epoch)

    def loss(self, maps, targets):
        return center_loss(maps, targets)

    def validation_samples(self):
        return PhotoSamples(self.validation.photos, self.recipe.size, self.stride)

    def tally(self):
        return BoxTally()

    def add(self, tally, maps, numbers):
        for number, of_photo in zip(numbers, maps):
            photo = self.validation.photos[number]
            size = photo.size or read_image(photo.file).shape[1::-1]
            tally.add(photo, size, found_in(size, of_photo, self.stride, self.recipe.size))
