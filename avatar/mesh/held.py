"""A thing in front of the chin, with the hand that holds it: it keeps its shape, and the chin moves behind it."""

from __future__ import annotations

import cv2
import numpy as np

from avatar.decoder import Image
from avatar.mesh.slit import PoseFields
from avatar.motion import Doubles, Floats
from avatar.picture.blending import blend
from avatar.picture.filling import pull_push
from avatar.picture.inpainting import disc
from avatar.portrait.portrait import Portrait

# So far around it, pixels of a picture of 512, the chin's colours are mixed with its own; so soft is the chin's edge.
_MIXED_PX, _CHIN_SOFT_PX = 5.0, 2.0
# It goes along with the body where its hand is, as a whole: found at so many of the field's nodes at least.
_LEAST_NODES = 4


class HeldThing:
    """Draws what somebody holds before the chin.

    Attributes:
        behind: uint8 [S, S, 3], the portrait without it; what it hides is filled in from around.

    Args:
        portrait: whose.
        mask: float32 [S, S] in [0, 1], where it is.
    """

    def __init__(self, portrait: Portrait, mask: Floats) -> None:
        image, scale = portrait.image, portrait.scale
        face = np.zeros(mask.shape, np.uint8)
        cv2.fillConvexPoly(face, cv2.convexHull(np.rint(portrait.landmarks[:, :2]).astype(np.int32)), (1,))
        own = (mask > 0.0).astype(np.uint8)
        hidden = (own > 0) | ((face > 0) & (cv2.dilate(own, disc(_MIXED_PX * scale)) > 0))
        # The chin goes on as chin, and what is around it as that.
        chin, around = (
            pull_push(image.astype(np.float32), (part & ~hidden).astype(np.float32)) for part in (face > 0, face == 0)
        )
        is_chin = cv2.GaussianBlur(face.astype(np.float32), (0, 0), _CHIN_SOFT_PX * scale)[:, :, None]
        filled = around + is_chin * (chin - around)
        self.behind = np.where(hidden[:, :, None], np.rint(np.clip(filled, 0.0, 255.0)), image).astype(np.uint8)
        self._box = cv2.boundingRect(own)
        x, y, width, height = self._box
        at = (slice(y, y + height), slice(x, x + width))
        alpha = np.rint(255.0 * mask).astype(np.uint8)
        # A transparent rim: nothing of it is cut off where it is drawn between pixels.
        self._texture = cv2.copyMakeBorder(np.dstack([image, alpha])[at], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        # The hand's lower half: what is nearer to the head is drawn along by it.
        hand = (mask > 0.5) & (face == 0)
        rows = np.flatnonzero(hand.any(axis=1))
        self._hand = hand & (np.arange(len(mask)) >= rows[len(rows) // 2 :].min(initial=len(mask)))[:, None]

    def draw(self, frame: Image, pose: PoseFields) -> None:
        """Lays it over a frame, uint8 [S, S, 3], of a head in this pose."""
        to_frame = self._moved(pose)
        x, y, width, height = self._box
        corners = to_frame @ np.array([[x, x + width], [y, y + height], [1.0, 1.0]])
        low = np.clip(np.floor(corners[:, 0]).astype(int), 0, frame.shape[1])
        high = np.clip(np.ceil(corners[:, 1]).astype(int) + 1, 0, frame.shape[1])
        if (high <= low).any():
            return
        # From the texture, whose border is one pixel, to this part of the frame.
        to_part = to_frame.copy()
        to_part[:, 2] += to_frame[:, :2] @ np.array([x - 1.0, y - 1.0]) - low
        drawn = cv2.warpAffine(self._texture, to_part, (int(high[0] - low[0]), int(high[1] - low[1])))
        part = frame[low[1] : high[1], low[0] : high[0]]
        part[:] = blend(cv2.cvtColor(drawn, cv2.COLOR_RGBA2RGB), part, cv2.extractChannel(drawn, 3))

    def _moved(self, pose: PoseFields) -> Doubles:
        """Where it has gone with the hand: moved and made larger or smaller, float64 [2, 3]."""
        nodes = pose.grid.nodes()
        column, row = np.rint(nodes).astype(int).transpose(2, 0, 1)
        size = self._hand.shape[0] - 1
        here = self._hand[np.clip(row, 0, size), np.clip(column, 0, size)]
        if here.sum() < _LEAST_NODES:
            return np.eye(2, 3)
        at, by = nodes[here].astype(np.float64), pose.forward[here].astype(np.float64)
        middle, moved = at.mean(axis=0), by.mean(axis=0)
        # A turned head is narrower, one that nods is lower; what comes nearer grows in both directions.
        spread = np.maximum(((at - middle) ** 2).sum(axis=0), 1.0)
        across, down = ((at - middle) * (by - moved)).sum(axis=0) / spread
        grows = 1.0 + (float(min(across, down, key=abs)) if across * down > 0.0 else 0.0)
        by_hand = middle + moved - grows * middle
        return np.array([[grows, 0.0, by_hand[0]], [0.0, grows, by_hand[1]]])
