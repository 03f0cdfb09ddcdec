"""Heatmaps to places, with numpy, as limn's pose/decoders.hpp describes it: for validation while training."""

import numpy as np


def decode(heatmaps, decoder):
    """(N, K, H, W) to (N, K, 2) places x, y in cells. decoder: the model file's, quarter_offset or dark."""
    count, keypoints, height, width = heatmaps.shape
    maps = heatmaps.reshape(-1, height, width).astype(np.float64)
    peaks = maps.reshape(len(maps), -1).argmax(axis=1)
    rows, columns = np.divmod(peaks, width)
    places = np.stack([columns, rows], axis=1).astype(np.float64)
    places[maps.reshape(len(maps), -1).max(axis=1) <= 0] = 0
    step = {"quarter_offset": _quarter_step, "dark": _newton_step}[decoder["type"]]
    for i, (x, y) in enumerate(places.astype(int)):
        places[i] += step(maps[i], x, y, decoder)
    return places.reshape(count, keypoints, 2)


def _quarter_step(map_, x, y, decoder):
    """A quarter of a cell towards the larger neighbour (Microsoft, lib/core/inference.py, get_final_preds)."""
    height, width = map_.shape
    margin = decoder["margin"]
    if not (margin < x < width - 1 and margin < y < height - 1):
        return 0, 0
    return 0.25 * np.sign([map_[y, x + 1] - map_[y, x - 1], map_[y + 1, x] - map_[y - 1, x]])


def _newton_step(map_, x, y, decoder):
    """Zhang et al., Distribution-Aware Coordinate Representation (CVPR 2020), with mmpose's constants."""
    height, width = map_.shape
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return 0, 0
    taps = _gaussian_taps(decoder["kernel"])
    blur = _blur_matrix(height, taps) @ map_ @ _blur_matrix(width, taps).T
    log = np.log(np.maximum(blur * (map_.max() / blur.max()), 1e-10))
    near = log[y - 2 : y + 3, x - 2 : x + 3]
    gradient = 0.5 * np.array([near[2, 3] - near[2, 1], near[3, 2] - near[1, 2]])
    hxx = 0.25 * (near[2, 4] - 2 * near[2, 2] + near[2, 0])
    hyy = 0.25 * (near[4, 2] - 2 * near[2, 2] + near[0, 2])
    hxy = 0.25 * (near[3, 3] - near[1, 3] - near[3, 1] + near[1, 1])
    determinant = hxx * hyy - hxy * hxy
    if determinant == 0:
        return 0, 0
    return -np.array([[hyy, -hxy], [-hxy, hxx]]) @ gradient / determinant


def _gaussian_taps(kernel):
    """OpenCV's Gaussian of so many taps: sigma = 0.3 ((kernel - 1) / 2 - 1) + 0.8."""
    sigma = 0.3 * ((kernel - 1) / 2 - 1) + 0.8
    values = np.exp(-((np.arange(kernel) - kernel // 2) ** 2) / (2 * sigma * sigma))
    return values / values.sum()


def _blur_matrix(size, taps):
    """What multiplies a column of values to blur it, zeros beyond its ends."""
    shift = np.arange(size)[None] - np.arange(size)[:, None] + len(taps) // 2
    inside = (shift >= 0) & (shift < len(taps))
    return np.where(inside, taps[np.clip(shift, 0, len(taps) - 1)], 0)


def dark_kernel(sigma):
    """The odd number of taps whose Gaussian is about the targets': 11 for sigma 2, 17 for 3, as mmpose has it."""
    return max(2 * int((sigma - 0.8) / 0.3 + 1 + 1e-9) + 1, 3)
