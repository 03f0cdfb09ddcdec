"""Reads and warps photos, with OpenCV where it is installed, else with Pillow. RGB, uint8, (height, width, 3)."""

import numpy as np

from . import TrainError

try:
    import cv2

    cv2.setNumThreads(0)  # samples are what is worked on in parallel
except ImportError:
    cv2 = None
try:
    from PIL import Image, ImageOps
except ImportError:
    Image = None


def check_installed():
    if cv2 is None and Image is None:
        raise TrainError("neither OpenCV nor Pillow is installed (on Debian: apt install python3-pil)")


def read_image(path, size=None):
    """The photo as it is to be looked at, its EXIF orientation applied. `size`: (width, height) to be found."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise TrainError(f"{path}: {error.strerror}") from None
    image = _decode(path, data)
    found = (image.shape[1], image.shape[0])
    if size is not None and found != tuple(size):
        raise TrainError(f"{path}: {found[0]}x{found[1]} pixels, but {size[0]}x{size[1]} are annotated")
    return image


def _decode(path, data):
    if cv2 is not None:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
        if image is None:
            raise TrainError(f"{path}: no picture that OpenCV can read")
        return np.ascontiguousarray(image[:, :, ::-1])
    return _decode_with_pillow(path, data)


def _decode_with_pillow(path, data):
    import io

    try:
        return np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))
    except Exception as error:  # of many kinds, by format
        raise TrainError(f"{path}: no picture that Pillow can read: {error}") from None


def warp(image, map_, height, width):
    """Bilinear samples at the whole pixels of the output; black beyond the photo.

    map_: (2, 3), from photo pixels to the output's; whole numbers are pixel centres in both.
    """
    if cv2 is not None:
        return cv2.warpAffine(image, map_, (width, height), flags=cv2.INTER_LINEAR)
    return _warp_with_pillow(image, map_, height, width)


def _warp_with_pillow(image, map_, height, width):
    """Pillow takes the map back, and counts from the corners of pixels."""
    back = inverted(map_)
    back[:, 2] += 0.5 - 0.5 * (back[:, 0] + back[:, 1])
    transform = getattr(Image, "Transform", Image).AFFINE
    bilinear = getattr(Image, "Resampling", Image).BILINEAR
    return np.array(Image.fromarray(image).transform((width, height), transform, tuple(back.ravel()), bilinear))


def mean_colour(image):
    return np.array(cv2.mean(image)[:3]) if cv2 is not None else image.mean(axis=(0, 1))


def recoloured(image, matrix, constant):
    """matrix (3, 3) times each pixel, plus constant (3,), rounded, from 0 to 255."""
    if cv2 is not None:
        return cv2.transform(image, np.column_stack([matrix, constant]))
    values = image.astype(np.float32) @ matrix.T.astype(np.float32) + constant.astype(np.float32)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def inverted(map_):
    """The inverse of a map of the plane, (2, 3)."""
    linear = np.linalg.inv(map_[:, :2])
    return np.concatenate([linear, -linear @ map_[:, 2:]], axis=1)


def apply(map_, places):
    """(K, 2) places through a map."""
    return places @ map_[:, :2].T + map_[:, 2]
