"""Labels that a first model contradicts: crowds of annotators take left for right and slip.

A model that saw thousands of people is not fooled by the mistakes in some of them. Source of the idea: Johnson &
Everingham, Learning Effective Human Pose Estimation from Inaccurate Annotation (CVPR 2011); how it is decided is limn's.
"""

from typing import NamedTuple

import numpy as np

from .augmentation import LOWER_BODY
from .scores import ALPHA

LEAST_EXCHANGED = 2  # sided keypoints of a half that must speak for it
VISIBLE = 2  # COCO's mark of a label that is to be seen
FAR = 2.5  # times what PCK allows


def completed(triples, found, scores, size, wanted, least_score):
    """(labels, (K, 3), with what was added, how many those are): keypoints of the numbers `wanted` that have no label
    get the place where a model found them, if it did with `least_score` and within the photo, (width, height)."""
    triples = np.array(triples, float)
    inside = ((found >= 0) & (found <= np.array(size) - 1)).all(axis=1)
    new = (triples[:, 2] == 0) & inside & (scores >= least_score)
    new &= np.isin(np.arange(len(triples)), wanted)
    triples[new] = np.concatenate([np.round(found[new], 1), np.full((int(new.sum()), 1), VISIBLE)], axis=1)
    return triples, int(new.sum())


class Cleaned(NamedTuple):
    triples: np.ndarray  # (K, 3): x, y, visibility
    exchanged: int  # halves of the body, 0 to 2, whose sides were exchanged
    left_out: int  # keypoints whose label is gone


def halves(skeleton):
    """[[(left, right), ...], ...] of the upper and the lower body: who takes left for right does so for a whole half."""
    pairs = {True: [], False: []}
    for a, b in skeleton.flip_pairs:
        pairs[any(part in skeleton.keypoints[a] for part in LOWER_BODY)].append((a, b))
    return [pairs[lower] for lower in (False, True) if pairs[lower]]


def clean(triples, found, scores, size, skeleton, least_score=0.3, confident=0.6):
    """One person's labels, (K, 3), after a look at where a model found the keypoints, (K, 2), and at its scores, (K,).

    size: the person's, in pixels; PCK's ALPHA of it is `near`. A half of the body has its sides exchanged where, of
    the keypoints found with `least_score`, at least LEAST_EXCHANGED and more than two thirds are near the other side's
    label and not near their own. Then a label is left out that is more than FAR times as far from a keypoint found with
    the score `confident`, unless this is near the other side's: that may be the model's mistake.
    """
    triples = np.array(triples, float)
    near = ALPHA * size
    partner = np.arange(len(triples))  # a keypoint without another side is its own
    for a, b in skeleton.flip_pairs:
        partner[a], partner[b] = b, a

    def distance(labels):
        """From each keypoint as found, infinite where there is no label."""
        return np.where(labels[:, 2] > 0, np.hypot(*(found - labels[:, :2]).T), np.inf)

    exchanged = 0
    for pairs in halves(skeleton):
        half = np.ravel(pairs)
        votes = scores[half] >= least_score
        at_own, at_other = (distance(labels)[half] <= near for labels in (triples, triples[partner]))
        own, other = (votes & at_own & ~at_other).sum(), (votes & at_other & ~at_own).sum()
        if other >= LEAST_EXCHANGED and other > 2 * own:
            exchanged += 1
            triples[half] = triples[partner[half]]
    at_other = distance(triples[partner]) <= near
    doubted = (triples[:, 2] > 0) & (distance(triples) > FAR * near) & (scores >= confident) & ~at_other
    triples[doubted] = 0
    return Cleaned(triples, exchanged, int(doubted.sum()))
