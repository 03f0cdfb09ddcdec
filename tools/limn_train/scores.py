"""PCK, as `limn evaluate` counts it (include/limn/metrics/pck.hpp)."""

import numpy as np

ALPHA = 0.2
NOT_IN_MEAN = ("pelvis", "thorax")


class Tally:
    """How many of the labelled places of each keypoint were found right."""

    metric = f"PCK@{ALPHA}"

    def __init__(self, names):
        self.names = names
        self.right = np.zeros(len(names), int)
        self.labelled = np.zeros(len(names), int)

    def add(self, person, found):
        """found: (K, 2) places in photo pixels. Right is what lies within ALPHA times the person's size."""
        distance = np.hypot(*(found - person.places).T)
        self.labelled += person.labelled
        self.right += person.labelled & (distance <= ALPHA * size_of(person, self.names))

    def mean(self):
        """Right over labelled, pelvis and thorax left out; NaN where nothing is labelled."""
        counts = np.array([name not in NOT_IN_MEAN for name in self.names])
        labelled = self.labelled[counts].sum()
        return self.right[counts].sum() / labelled if labelled else float("nan")

    def lines(self):
        """Each keypoint's share and number, and the mean."""
        for name, right, labelled in zip(self.names, self.right, self.labelled):
            yield f"{name:<20} {right / labelled if labelled else float('nan'):.4f} {labelled:>8}"
        yield f"{self.metric:<20} {self.mean():.4f}"


def size_of(person, names):
    """Left shoulder to right hip, but at least a quarter of the longer side of the box enlarged 1.25 times."""
    torso = 0.0
    if "left_shoulder" in names and "right_hip" in names:
        a, b = names.index("left_shoulder"), names.index("right_hip")
        if person.labelled[a] and person.labelled[b]:
            torso = float(np.hypot(*(person.places[a] - person.places[b])))
    return max(torso, 0.25 * 1.25 * max(person.box[2:]))
