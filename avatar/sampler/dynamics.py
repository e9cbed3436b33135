"""The variables that the flow samples: what is left of motion when the predictable part is taken away.

A flow sampled in a few steps is good at numbers whose uncertainty is about as large as their noise, and poor at
small innovations on large positions: sampled directly, a head moves in little stairs, one per block. So positions are
turned, exactly and invertibly, into innovations:

- head: what accelerates it beyond a damped spring towards the intended posture, on top of which a listener's nods are
  made as intended. The spring makes the motion smooth across blocks, and nothing can drift away, for hours;
- gaze: what the eyes do beyond looking at the intended point while the head moves (vestibulo-ocular reflex);
- lids: what is added to the intended blink and to lids that follow a downward gaze;
- brows, cheeks, nose: what is added to their last value, which fades, and to the intended lift of the brows;
- mouth: itself, in ARKit units; the audio front end's expectation is its starting point in the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from avatar.motion import FRAME_RATE_HZ, GAZE_LIMIT, X_OF_ROLL, X_OF_YAW, Y_OF_PITCH, MotionLayout
from avatar.sampler.conditions import GAZE_SCALE, HEAD_SCALE, ConditionLayout
from avatar.sampler.intention.head import SPRING_HZ

NAMES: tuple[str, ...] = tuple(MotionLayout.NAMES[i] for i in MotionLayout.SAMPLED)
"""The 52 sampled dimensions."""

MOTION_SIZE = len(NAMES)
_AT = {name: i for i, name in enumerate(NAMES)}

MOUTH: tuple[int, ...] = tuple(
    i for i, name in enumerate(NAMES) if name.startswith(("jaw", "mouth", "cheekPuff", "tongue"))
)
"""Positions, among the 52, of what speech articulates."""

HEAD, GAZE = slice(0, 6), slice(6, 8)
LIDS = (_AT["eyeBlinkLeft"], _AT["eyeBlinkRight"])
_BROWS = (_AT["browInnerUp"], _AT["browOuterUpLeft"], _AT["browOuterUpRight"])
FADING: tuple[int, ...] = tuple(i for i in range(8, MOTION_SIZE) if i not in MOUTH and i not in LIDS)

# Ranges of the eight numbers that are not ARKit's [0, 1]: past these no decoder looks right.
LOWEST = np.array([-0.6, -0.8, -0.6, -1.0, -1.0, 0.6, -0.7, -0.6] + [0.0] * 52, np.float32)
HIGHEST = np.array([0.6, 0.8, 0.6, 1.0, 1.0, 1.8, 0.7, 0.6] + [1.0] * 52, np.float32)

CARRIED_FRAMES = 2
"""Frames before a block that its dynamics start from."""

# Natural frequencies of the springs: pitch, yaw, roll, x, y, distance (hertz). Posture shifts take about half a
# second; the head's place follows its angles, being held by the neck; leaning is slow.
SPRINGS_HZ = (SPRING_HZ, SPRING_HZ, SPRING_HZ, 1.4, 1.4, 0.45)
# A breath lifts chest and head (inter-ocular distances, radians).
Y_OF_BREATH, PITCH_OF_BREATH = 0.012, 0.007
FADE = 0.85  # of brows, cheeks and nose a frame: without it, small errors would add up to a drift
LIDS_FOLLOW = 0.7  # lid closure per radian of downward gaze


@dataclass(frozen=True, slots=True)
class _Constants:
    """Numbers of every frame, on one device; the six of the head, the 52 of a face."""

    stiffness: Tensor  # [6]
    damping: Tensor  # [6]
    fades: Tensor  # [52], share of the last value that stays
    is_brow: Tensor  # [52], 1 where the intended lift of the brows is added


@lru_cache(maxsize=8)
def _constants(device: torch.device) -> _Constants:
    with torch.inference_mode(False):  # training uses them as well
        omega = torch.tensor(SPRINGS_HZ, device=device) * (2.0 * np.pi / FRAME_RATE_HZ)
        fades, is_brow = torch.zeros(MOTION_SIZE, device=device), torch.zeros(MOTION_SIZE, device=device)
        fades[list(FADING)] = FADE
        is_brow[list(_BROWS)] = 1.0
        return _Constants(omega.square(), 2.0 * omega, fades, is_brow)


@dataclass(frozen=True, slots=True)
class _Intended:
    """What conditions [..., C] ask for, whatever the face has done before."""

    nods: tuple[Tensor, Tensor, Tensor]  # [..., 6] of this frame, the one before, and the one before that
    posture: Tensor  # [..., 3]
    lift: Tensor  # [..., 1] of the head by the breath
    distance: Tensor  # [..., 1]
    aim: Tensor  # [..., 2] (pitch is second), in the portrait's frame
    looks: Tensor  # [..., 1] whether there is an aim
    closure: Tensor  # [..., 1] of the lids
    brows: Tensor  # [..., 52] added

    def frame(self, i: int) -> _Intended:
        """Of frame `i`, where the conditions are [B, F, C]."""
        nods = (self.nods[0][:, i], self.nods[1][:, i], self.nods[2][:, i])
        rest = (self.posture, self.lift, self.distance, self.aim, self.looks, self.closure, self.brows)
        return _Intended(nods, *(part[:, i] for part in rest))


def _intended(conditions: Tensor) -> _Intended:
    posture, gaze = conditions[..., ConditionLayout.POSTURE], conditions[..., ConditionLayout.GAZE]
    breath, turned = posture[..., 3:4], posture[..., :3] * HEAD_SCALE
    nod = conditions.new_zeros(3, *conditions.shape[:-1], 6)
    nod[..., 0] = conditions[..., ConditionLayout.NOD].movedim(-1, 0) * HEAD_SCALE
    lift = conditions[..., ConditionLayout.BROW]
    return _Intended(
        nods=(nod[0], nod[1], nod[2]),
        posture=torch.cat([turned[..., :1] + PITCH_OF_BREATH * breath, turned[..., 1:]], dim=-1),
        lift=Y_OF_BREATH * breath,
        distance=torch.exp(
            conditions[..., ConditionLayout.DISTANCE.start : ConditionLayout.DISTANCE.start + 1] * HEAD_SCALE
        ),
        aim=gaze[..., :2] * GAZE_SCALE,
        looks=gaze[..., 2:] > 0.5,
        closure=conditions[..., ConditionLayout.BLINK.start : ConditionLayout.BLINK.start + 1].clamp(0.0, 1.0),
        brows=(lift[..., :1] - FADE * lift[..., 1:]) * _constants(conditions.device).is_brow,
    )


def _base(before: Tensor, earlier: Tensor, now: Tensor | None, intended: _Intended, frame: Tensor) -> Tensor:
    """The predictable part of a frame, filled in order: head, then gaze, then lids.

    Args:
        before: [..., 52] the frame before.
        earlier: [..., 52] the one before that.
        now: [..., 52] the frame itself where it is known (encoding).
        intended: for the frame.
        frame: [..., 52] innovations, used where `now` is not known (decoding).
    """
    constant, nods = _constants(before.device), intended.nods
    base = constant.fades * before + intended.brows
    # Where the springs pull: the head's place follows its angles.
    head_before = before[..., HEAD]
    pitch, yaw, roll = head_before[..., 0:1], head_before[..., 1:2], head_before[..., 2:3]
    x, y = X_OF_YAW * yaw + X_OF_ROLL * roll, Y_OF_PITCH * pitch + intended.lift
    target = torch.cat([intended.posture, x, y, intended.distance], dim=-1)
    sprung = head_before - nods[1]
    speed = sprung - (earlier[..., HEAD] - nods[2])
    head = sprung + speed + constant.stiffness * (target - sprung) - constant.damping * speed + nods[0]
    base[..., HEAD] = head
    head = now[..., HEAD] if now is not None else head + frame[..., HEAD]
    # The eyes stay on the intended point.
    aim = (intended.aim - head[..., :2].flip(-1)).clamp(-GAZE_LIMIT, GAZE_LIMIT)
    gaze = torch.where(intended.looks, aim, before[..., GAZE])
    base[..., GAZE] = gaze
    gaze = now[..., GAZE] if now is not None else gaze + frame[..., GAZE]
    # The lids follow them, and the intended blink.
    follow = LIDS_FOLLOW * (-gaze[..., 1:]).clamp(0.0, 0.5)
    closure = follow + (1.0 - follow) * intended.closure
    for lid in LIDS:
        base[..., lid : lid + 1] = closure
    return base


def encode(motion: Tensor, conditions: Tensor) -> Tensor:
    """Positions to innovations.

    Args:
        motion: [B, CARRIED_FRAMES + F, 52] in MotionLayout units.
        conditions: [B, F, ConditionLayout.SIZE].

    Returns:
        [B, F, 52].
    """
    earlier, before, now = motion[:, :-2], motion[:, 1:-1], motion[:, 2:]
    return now - _base(before, earlier, now, _intended(conditions), now)


def decode(innovations: Tensor, carried: Tensor, conditions: Tensor, lowest: Tensor, highest: Tensor) -> Tensor:
    """Innovations to positions, kept inside their ranges.

    Args:
        innovations: [B, F, 52].
        carried: [B, CARRIED_FRAMES, 52] positions before the block.
        conditions: [B, F, ConditionLayout.SIZE].
        lowest: [52] and
        highest: [52] limits of the positions.

    Returns:
        [B, F, 52] in MotionLayout units.
    """
    earlier, before = carried[:, 0], carried[:, 1]
    intended = _intended(conditions)
    out = []
    for i in range(innovations.shape[1]):
        frame = innovations[:, i]
        now = _base(before, earlier, None, intended.frame(i), frame) + frame
        now = torch.minimum(torch.maximum(now, lowest), highest)
        out.append(now)
        earlier, before = before, now
    return torch.stack(out, dim=1)
