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

import numpy as np
import torch
from torch import Tensor

from avatar.motion import FRAME_RATE_HZ, MotionLayout
from avatar.sampler.conditions import GAZE_SCALE, HEAD_SCALE, ConditionLayout

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
SPRINGS_HZ = (0.7, 0.7, 0.7, 1.4, 1.4, 0.45)
# The head's centre moves with its angles (inter-ocular distances a radian); see training.behaviour.
X_OF_YAW, X_OF_ROLL, Y_OF_PITCH = 0.15, -0.35, 0.25
# A breath lifts chest and head (inter-ocular distances, radians).
Y_OF_BREATH, PITCH_OF_BREATH = 0.012, 0.007
GAZE_LIMIT = 0.55
FADE = 0.85  # of brows, cheeks and nose a frame: without it, small errors would add up to a drift
LIDS_FOLLOW = 0.7  # lid closure per radian of downward gaze


def _spring(device: torch.device) -> tuple[Tensor, Tensor]:
    omega = torch.tensor(SPRINGS_HZ, device=device) * (2.0 * np.pi / FRAME_RATE_HZ)
    return omega.square(), 2.0 * omega


def _head_target(conditions: Tensor, head: Tensor) -> Tensor:
    """Where the springs pull, [B, 6], given one frame's conditions [B, C] and the head before [B, 6]."""
    group = conditions[:, ConditionLayout.POSTURE]
    breath = group[:, 3]
    posture = group[:, :3] * HEAD_SCALE
    posture = torch.cat([posture[:, :1] + PITCH_OF_BREATH * breath[:, None], posture[:, 1:]], dim=1)
    distance = torch.exp(conditions[:, ConditionLayout.DISTANCE.start] * HEAD_SCALE)
    x = X_OF_YAW * head[:, 1] + X_OF_ROLL * head[:, 2]
    y = Y_OF_PITCH * head[:, 0] + Y_OF_BREATH * breath
    return torch.cat([posture, torch.stack([x, y, distance], dim=1)], dim=1)


def _expected_eyes(conditions: Tensor, head: Tensor, gaze_before: Tensor) -> Tensor:
    """Gaze (yaw, pitch) relative to the head that keeps the eyes on the intended point: [B, 2]."""
    group = conditions[:, ConditionLayout.GAZE]
    aim = group[:, :2] * GAZE_SCALE - torch.stack([head[:, 1], head[:, 0]], dim=1)
    return torch.where(group[:, 2:] > 0.5, aim.clamp(-GAZE_LIMIT, GAZE_LIMIT), gaze_before)


def _expected_lids(conditions: Tensor, gaze: Tensor) -> Tensor:
    """Closure that the intended blink and the gaze ask for: [B, 1]."""
    closure = conditions[:, ConditionLayout.BLINK.start].clamp(0.0, 1.0)
    follow = LIDS_FOLLOW * (-gaze[:, 1]).clamp(0.0, 0.5)
    return (follow + (1.0 - follow) * closure)[:, None]


def _base(before: Tensor, earlier: Tensor, now: Tensor | None, conditions: Tensor, frame: Tensor) -> Tensor:
    """The predictable part of a frame, filled in order: head, then gaze, then lids.

    Args:
        before: [B, 52] the frame before.
        earlier: [B, 52] the one before that.
        now: [B, 52] the frame itself where it is known (encoding).
        conditions: [B, C] of the frame.
        frame: [B, 52] innovations, used where `now` is not known (decoding).
    """
    stiffness, damping = _spring(before.device)
    base = torch.zeros_like(before)
    nod = before.new_zeros(3, *before[:, HEAD].shape)  # of this frame, the one before, and the one before that
    nod[:, :, 0] = (conditions[:, ConditionLayout.NOD] * HEAD_SCALE).T
    sprung = before[:, HEAD] - nod[1]
    speed = sprung - (earlier[:, HEAD] - nod[2])
    pull = stiffness * (_head_target(conditions, before[:, HEAD]) - sprung)
    base[:, HEAD] = sprung + speed + pull - damping * speed + nod[0]
    head = now[:, HEAD] if now is not None else base[:, HEAD] + frame[:, HEAD]
    base[:, GAZE] = _expected_eyes(conditions, head, before[:, GAZE])
    gaze = now[:, GAZE] if now is not None else base[:, GAZE] + frame[:, GAZE]
    base[:, list(LIDS)] = _expected_lids(conditions, gaze).expand(-1, 2)
    base[:, list(FADING)] = FADE * before[:, list(FADING)]
    lift = conditions[:, ConditionLayout.BROW]
    base[:, list(_BROWS)] += lift[:, :1] - FADE * lift[:, 1:]
    return base


def encode(motion: Tensor, conditions: Tensor) -> Tensor:
    """Positions to innovations.

    Args:
        motion: [B, CARRIED_FRAMES + F, 52] in MotionLayout units.
        conditions: [B, F, ConditionLayout.SIZE].

    Returns:
        [B, F, 52].
    """
    out = []
    for i in range(conditions.shape[1]):
        earlier, before, now = motion[:, i], motion[:, i + 1], motion[:, i + 2]
        out.append(now - _base(before, earlier, now, conditions[:, i], now))
    return torch.stack(out, dim=1)


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
    out = []
    for i in range(innovations.shape[1]):
        now = _base(before, earlier, None, conditions[:, i], innovations[:, i]) + innovations[:, i]
        now = torch.minimum(torch.maximum(now, lowest), highest)
        out.append(now)
        earlier, before = before, now
    return torch.stack(out, dim=1)
