"""The parts of tools/train.py, in the order in which a photo passes through them.

annotations   COCO's keypoint format to people and their keypoint set
images        reading and warping photos, with OpenCV or Pillow
augmentation  which part of the photo becomes the network's input: the map, its mirror image; colour jitter
samples       a person of a photo to an input and its keypoints
network       the network, of the layers that limn_convert/networks.py lists
start         other weights to start from
targets       Gaussian heatmaps, the loss
detection     photos of several people to inputs, targets, loss and scores of a person detector
decoding      heatmaps back to places, as limn does it
scores        PCK, as `limn evaluate` counts it
cleaning      labels that a first model contradicts (for tools/clean_labels.py)
tasks         what there is to learn: keypoints or people
training      epochs, learning rate, checkpoints, validation
"""


class TrainError(Exception):
    """One sentence for the user: which file or option, what was expected and what was found."""
