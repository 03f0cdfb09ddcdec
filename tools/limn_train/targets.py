"""What the network is to say, and how far it is from that."""

import torch


def gaussian_targets(places, labelled, height, width, stride, sigma, exact=False, absent=False):
    """(N, K, height, width) heatmaps and (N, K) weights, of (N, K, 2) places in input pixels and (N, K) labelled.

    exp(-d^2 / (2 sigma^2)) with the distance d in cells from a keypoint's own cell, int(pixel / stride + 0.5), which is
    1 there and 0 from more than 3 sigma away in x or y; weight 1 where labelled and the window reaches the map. Source:
    Microsoft Simple Baselines, lib/dataset/JointsDataset.py, generate_target.

    absent: a labelled keypoint whose window does not reach the map is known not to be in the picture. Its target is 0
    with weight 1, so that the network learns to say so; else its weight is 0.

    exact: the Gaussian lies around pixel / stride itself and is not cut off, so that a decoder can find the place
    between the cells. Source: Zhang et al., Distribution-Aware Coordinate Representation (CVPR 2020).
    """
    cells = places / stride if exact else torch.trunc(places / stride + 0.5)
    reach = int(3 * sigma)
    size = torch.tensor([width, height], dtype=cells.dtype, device=cells.device)
    on_map = ((cells - reach < size) & (cells + reach + 1 >= 0)).all(dim=-1)
    present = (labelled.bool() & on_map).to(torch.float32)

    def profile(values, count):
        distance = torch.arange(count, dtype=cells.dtype, device=cells.device) - values[..., None]
        result = torch.exp(-distance.square() / (2 * sigma * sigma))
        return result if exact else result * (distance.abs() <= reach)

    rows, columns = profile(cells[..., 1], height), profile(cells[..., 0], width)
    heatmaps = rows[..., :, None] * columns[..., None, :] * present[..., None, None]
    return heatmaps, labelled.to(torch.float32) if absent else present


def joints_mse(heatmaps, targets, weights):
    """1/K sum_k 1/2 mean_{n,y,x} (w_nk h - w_nk t)^2 (Microsoft Simple Baselines, lib/core/loss.py, JointsMSELoss)."""
    difference = weights[..., None, None] * (heatmaps.float() - targets)
    return 0.5 * difference.square().mean()
