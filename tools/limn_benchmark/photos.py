"""photos.py HEIGHT WIDTH PHOTO... OUT

Writes the network's input of each photo to OUT, one after another, as floats, planes x height x width: the whole photo
stretched to that size, red first, normalised as for ImageNet.
"""

import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from limn_train import TrainError, images

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def network_input(photo, height, width):
    across, down = width / photo.shape[1], height / photo.shape[0]
    stretch = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2]])  # corners onto corners
    picture = images.warp(photo, stretch, height, width)
    values = (picture.astype(np.float32) / 255 - np.float32(MEAN)) / np.float32(DEVIATION)
    return values.transpose(2, 0, 1)


def main():
    height, width, *photos, out = sys.argv[1:]
    try:
        inputs = [network_input(images.read_image(photo), int(height), int(width)) for photo in photos]
    except TrainError as error:
        sys.exit(f"photos.py: {error}")
    np.stack(inputs).astype("<f4").tofile(out)


if __name__ == "__main__":
    main()
