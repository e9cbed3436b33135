"""The linear part of echo cancelling: a frequency-domain Kalman filter that follows the room.

The path from speaker to microphone (devices, air, walls) is a long impulse response, cut into partitions of one block
each. Every frequency bin of every partition is a state of its own with its own uncertainty; how much of an error is
believed follows from that uncertainty and from how loud everything else is. So no double-talk detector is needed: while
the user speaks, little is learnt, and nothing is taken away from the user.

Enzner & Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones", Signal
Processing 86 (2006); in partitions: Kuech, Mabande & Enzner, "State-space architecture of the partitioned-block-based
acoustic echo controller", ICASSP 2014.

A new room is learnt faster in two ways. Where the echo begins is found by correlation, which says at once which
partitions matter; a loudspeaker that is late (Bluetooth, a television) leaves none of them unused. And older blocks are
gone through again beside each new one: a bin knows nothing of its neighbours and a partition nothing of the others, so
once through the sound teaches less than is in it. What is known afterwards is held to be no surer: clocks that differ
make old blocks a little wrong.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy import fft

from speech.audio import OUTPUT_RATE_HZ, Samples
from speech.echo.first_delay import first_delay

BLOCK = OUTPUT_RATE_HZ // 50
"""Samples that are filtered at a time: 20 ms."""

PARTITIONS = 32
"""640 ms from where the echo begins, or from when a sample is given to the speaker, to the end of its reverberation."""

BIN_HZ = OUTPUT_RATE_HZ / (2 * BLOCK)
_BINS = BLOCK // 2
"""Up to 12 kHz: no voice of ours has more."""

_STAYS = 0.9995**2
"""How much of the room is still the same a block later."""
_FIRST_UNCERTAINTY = 0.1
"""Expected squared gain of the path in the first partition, where nothing is known: a loud speaker nearby."""
_DECAY = 0.95
"""That of each later partition against the one before."""
_BEFORE_DELAY, _DECAY_AFTER_DELAY = 0.001, 0.8
"""The same where it is known in which partition the echo begins."""
_LOOKS = 5
"""Blocks between two looks where the echo begins, in a new room."""
_KNOWN_LOOKS = 25
_SAME_DELAY = 1
"""Partitions by which it may seem to be another: it may lie at the border of two."""
_EARLIER = 4
"""Partitions before it that are filtered, too: a softer path is shorter, and clocks that differ may bring it nearer."""
_SHRINK = 0.35
"""How much of the uncertainty a block takes away at most; 0.5 would be right if bins were independent."""
_NEAR_MEMORY = 0.7
"""Of the loudness of what is no echo, a block; 60 ms."""
_CONSTRAINED = 4
"""Partitions whose circular half is cleared in each block, in turn."""

_AGAIN = 1
"""Older blocks that are learnt once more with each new one, in turn, while the room is new and its delay known."""
_NEW_BLOCKS = 75
"""Blocks for which a room is new: 1.5 s."""
_KEPT = 25
"""Blocks that can be learnt again: the last half second."""
_NOTICED = 15
"""Those of them that surely belong to the new room when it is noticed."""

_FIT_MEMORY = 0.95
"""Of how well the echo is predicted, a block; 0.4 s."""
_FIT_WEIGHT = 150.0
"""Echo against everything else, summed over bins and blocks, from which on a bad fit means another room."""
_LEAST_FIT = 0.5
"""Gain that the prediction would need to fit best, below which it is not believed; 1 in the room that was learnt,
however loud the user is. A room that has become louder is learnt without being told."""
_SAME_LOUDNESS = 1.4
"""The same, from which on the echo has become louder."""
_FITS_NOW, _FITS_AT_MOST = 0.3, 2.2
"""Both over 60 ms, in which a loud voice makes it uncertain."""
_SURE_FIT = 0.7
"""Where the prediction fits so well, nobody looks whether the echo begins elsewhere."""
_WRONG = 1.3
"""What is left against what was heard, from which on the prediction does harm."""
_RESET_BLOCKS = 200
"""Blocks in which a new room is learnt before it is doubted: 4 s."""

_SMALL = np.float32(1e-7)
_Spectra = npt.NDArray[np.complex64]
_Powers = npt.NDArray[np.float32]


def _first_uncertainty(delay: int | None = None) -> _Powers:
    """Of a room whose echo begins after so many blocks, or a little before; or anywhere: [PARTITIONS, bins]."""
    late = np.arange(PARTITIONS, dtype=np.float32)
    expected = _FIRST_UNCERTAINTY * _DECAY**late
    if delay is not None:
        late -= max(min(delay, _EARLIER) - _SAME_DELAY, 0)  # those before it are skipped
        expected = _FIRST_UNCERTAINTY * np.where(late < 0, _BEFORE_DELAY, _DECAY_AFTER_DELAY ** np.maximum(late, 0))
    return np.repeat(expected[:, np.newaxis], _BINS, axis=1).astype(np.float32)


@dataclass(slots=True)
class _State:
    """What is known of the room and of the last blocks.

    Attributes:
        far: spectra of what was played, [_KEPT + 2 * PARTITIONS, bins], the newest first.
        kept: what was heard in the last blocks, the newest first; at most _KEPT of this room.
        delay: blocks after which the echo begins; None where that is not sure.
        again: place in `kept` of the block that was learnt again last.
        path: the room's response, from `start` on: [PARTITIONS, bins].
        uncertainty: expected squared error of `path`.
        near: power of what is no echo, [bins].
        near_again: what `near` was at `again`.
        played: the last block.
        next_constrained: partition.
        predicted_heard: agreement of prediction and what was heard, over the last blocks.
        predicted_power: power of the prediction, weighted likewise.
        heard_power: of what was heard.
        left_power: of what was left.
        lately_heard, lately_predicted: the first two, unweighted and over 60 ms.
        learnt_blocks: since the room was new.
        silent_blocks: in which nothing was played.
    """

    far: _Spectra = field(default_factory=lambda: np.zeros((_KEPT + 2 * PARTITIONS, _BINS), np.complex64))
    kept: deque[Samples] = field(default_factory=lambda: deque(maxlen=_KEPT))
    delay: int | None = None
    again: int = 0
    path: _Spectra = field(default_factory=lambda: np.zeros((PARTITIONS, _BINS), np.complex64))
    uncertainty: _Powers = field(default_factory=_first_uncertainty)
    near: _Powers = field(default_factory=lambda: np.full(_BINS, 1e-6, np.float32))
    near_again: _Powers = field(default_factory=lambda: np.full(_BINS, 1e-6, np.float32))
    played: Samples = field(default_factory=lambda: np.zeros(BLOCK, np.float32))
    next_constrained: int = 0
    predicted_heard: float = 0.0
    predicted_power: float = 0.0
    heard_power: float = 0.0
    left_power: float = 0.0
    lately_heard: float = 0.0
    lately_predicted: float = 0.0
    learnt_blocks: int = 0
    silent_blocks: int = PARTITIONS + 1

    @property
    def start(self) -> int:
        """Blocks after which the first partition begins."""
        return max(0, (self.delay or 0) - _EARLIER)


class KalmanEchoFilter:
    """Predicts the echo in each block of the microphone's sound, and takes it out.

    Attributes:
        resets: how often another room was noticed.
        expected_left: mean power of the echo that may be left in the last block, by what is not known of the
            room and by how badly the echo was predicted of late.
    """

    def __init__(self) -> None:
        self._state = _State()
        self.resets = 0
        self.expected_left, self._fit = 0.0, 1.0

    def reset(self) -> None:
        """Forgets the room; what was played may still be heard in another one."""
        self._forget_room([], None)

    @property
    def path(self) -> _Spectra:
        """The room as it is known, from about where its echo begins: complex64 [PARTITIONS, bins of BIN_HZ]."""
        return self._state.path

    @property
    def knows_room(self) -> bool:
        """Whether the room was learnt, and what is heard fits it, lately and in this moment."""
        state, power = self._state, self._state.predicted_power
        fits_lately = _SURE_FIT * power < state.predicted_heard < _SAME_LOUDNESS * power
        return state.learnt_blocks >= _RESET_BLOCKS and fits_lately and _FITS_NOW < self._fit < _FITS_AT_MOST

    @property
    def is_idle(self) -> bool:
        """Whether nothing that was played can be heard any more: then a block comes out as it went in."""
        return self._state.silent_blocks > self._state.start + PARTITIONS

    def push(self, heard: Samples, played: Samples) -> tuple[Samples, Samples]:
        """Takes the next block.

        Args:
            heard: float32 [BLOCK] at OUTPUT_RATE_HZ, what the microphone recorded.
            played: float32 [BLOCK], what the speaker played, not later than it was heard.

        Returns:
            What is left, and the echo that was taken out: float32 [BLOCK] each.
        """
        state = self._state
        state.silent_blocks = 0 if played.any() else state.silent_blocks + 1
        if self.is_idle:
            state.played = played
            return heard, np.zeros(BLOCK, np.float32)
        state.far[1:] = state.far[:-1].copy()
        state.far[0] = fft.rfft(np.concatenate((state.played, played)))[:_BINS]
        state.played = played
        predicted = self._predicted(0)
        left = heard - predicted
        if float(left @ left) > _WRONG * float(heard @ heard):  # the room has changed: no louder than it was heard
            words, echo = heard, np.zeros(BLOCK, np.float32)
        else:
            words, echo = left, predicted
        error, prediction = _second_halves(left, predicted)
        state.near = _smoothed(state.near, error)
        state.learnt_blocks += 1
        if self._is_another_room(error, prediction, heard, left):
            self.resets += 1
            self._forget_room(list(state.kept)[:_NOTICED], None)
            return words, echo
        missed = self._missed(heard, predicted)
        self.expected_left = missed + self._learn(0, error, state.near, _SHRINK)
        state.kept.appendleft(heard)
        if state.learnt_blocks % (_LOOKS if state.learnt_blocks < _NEW_BLOCKS else _KNOWN_LOOKS) == 0:
            self._look_for_delay()
        if self._state.delay is not None and self._state.learnt_blocks < _NEW_BLOCKS:
            self._learn_again(_AGAIN)
        return words, echo

    def _look_for_delay(self) -> None:
        """A room where the echo begins elsewhere than thought is learnt anew; its last sounds are there for that."""
        state, known = self._state, self._state.delay
        is_new = state.learnt_blocks < _NEW_BLOCKS
        if not is_new and state.predicted_heard > _SURE_FIT * state.predicted_power:
            return
        found = first_delay(state.far, _second_halves(*state.kept), PARTITIONS, BLOCK)
        if found is None or (known is not None and abs(found - known) <= _SAME_DELAY):
            return
        if not is_new:
            self.resets += 1
        kept = list(state.kept) if is_new else list(state.kept)[:_NOTICED]
        self._forget_room(kept, found)
        self._learn_again(len(kept))

    def _missed(self, heard: Samples, predicted: Samples) -> float:
        """Power of the echo that the prediction misses, by how little of it was in what was heard in the last 60 ms."""
        state, power = self._state, float(predicted @ predicted)
        state.lately_heard = _NEAR_MEMORY * state.lately_heard + float(heard @ predicted)
        state.lately_predicted = _NEAR_MEMORY * state.lately_predicted + power
        self._fit = state.lately_heard / state.lately_predicted if power else 1.0
        return float(np.clip(1.0 - self._fit, 0.0, 1.0)) ** 2 * state.lately_predicted * (1.0 - _NEAR_MEMORY) / BLOCK

    def _predicted(self, back: int) -> Samples:
        """The echo so many blocks ago, by what is known now."""
        return _second_half(np.einsum("pb,pb->b", self._far(back), self._state.path))

    def _far(self, back: int) -> _Spectra:
        """What each partition's response was met by so many blocks ago: [PARTITIONS, bins]."""
        return self._state.far[self._state.start + back :][:PARTITIONS]

    def _learn(self, back: int, error: _Spectra, near: _Powers, shrink: float) -> float:
        """Learns from the error so many blocks ago, and is surer by `shrink`; returns its expected power."""
        state = self._state
        far = self._far(back)
        far_power = _power(far)
        residual = 0.5 * np.einsum("pb,pb->b", far_power, state.uncertainty)
        step = state.uncertainty / (residual + near)
        state.path += step * np.conj(far) * error
        self._constrain()
        if shrink:
            state.uncertainty *= 1.0 - shrink * step * far_power
            state.uncertainty = _STAYS * state.uncertainty + (1.0 - _STAYS) * _power(state.path)
        return float(residual.sum()) / BLOCK**2

    def _learn_again(self, blocks: int) -> None:
        """Goes on through the last half second, from its oldest block to its newest, over and over."""
        state = self._state
        state.again = min(state.again + 1, len(state.kept))  # all have become a block older
        for _ in range(blocks):
            if (back := state.again - 1) < 1:
                back, state.near_again = len(state.kept) - 1, state.near
            state.again = back
            heard = state.kept[back]
            (error,) = _second_halves(heard - self._predicted(back))
            state.near_again = _smoothed(state.near_again, error)
            self._learn(back, error, state.near_again, 0.0)

    def _constrain(self) -> None:
        """A partition's response is one block long: what circular convolution adds to it is cleared."""
        state = self._state
        chosen = (state.next_constrained + np.arange(_CONSTRAINED)) % PARTITIONS
        state.next_constrained = (state.next_constrained + _CONSTRAINED) % PARTITIONS
        spectra = np.zeros((_CONSTRAINED, BLOCK + 1), np.complex64)
        spectra[:, :_BINS] = state.path[chosen]
        responses = fft.irfft(spectra)
        responses[:, BLOCK:] = 0.0
        state.path[chosen] = fft.rfft(responses)[:, :_BINS]

    def _is_another_room(self, error: _Spectra, prediction: _Spectra, heard: Samples, left: Samples) -> bool:
        """Whether what is heard has little to do with what was predicted; the user's voice, loud or not, has no say."""
        state = self._state
        power, weight = _power(prediction), 1.0 / (state.near + np.float32(1e-6))
        agreement = power + (error * np.conj(prediction)).real
        state.predicted_heard = _FIT_MEMORY * state.predicted_heard + float(agreement @ weight)
        state.predicted_power = _FIT_MEMORY * state.predicted_power + float(power @ weight)
        state.heard_power = _FIT_MEMORY * state.heard_power + float(heard @ heard)
        state.left_power = _FIT_MEMORY * state.left_power + float(left @ left)
        if state.learnt_blocks < _RESET_BLOCKS or state.predicted_power < _FIT_WEIGHT:
            return False
        fit = state.predicted_heard / state.predicted_power
        return fit < _LEAST_FIT or state.left_power > _WRONG * state.heard_power

    def _forget_room(self, kept: list[Samples], delay: int | None) -> None:
        """The room is new but for what was heard in the last blocks, and maybe for where its echo begins."""
        state = self._state
        self._state = _State(
            far=state.far,
            played=state.played,
            silent_blocks=state.silent_blocks,
            kept=deque(kept, _KEPT),
            learnt_blocks=len(kept),
            near=state.near,
            delay=delay,
            uncertainty=_first_uncertainty(delay),
        )


def _second_halves(*blocks: Samples) -> _Spectra:
    """Spectra of double blocks of which the first half is silent: complex64 [blocks, bins]."""
    halves = np.zeros((len(blocks), 2 * BLOCK), np.float32)
    halves[:, BLOCK:] = blocks
    spectra: _Spectra = fft.rfft(halves)[:, :_BINS]
    return spectra


def _smoothed(near: _Powers, error: _Spectra) -> _Powers:
    smoothed: _Powers = _NEAR_MEMORY * near + (1.0 - _NEAR_MEMORY) * np.maximum(_power(error), _SMALL)
    return smoothed


def _power(spectra: _Spectra) -> _Powers:
    power: _Powers = np.square(spectra.real) + np.square(spectra.imag)
    return power


def _second_half(spectrum: _Spectra) -> Samples:
    """The part of a filtered double block that is no circular convolution."""
    full = np.zeros(BLOCK + 1, np.complex64)
    full[:_BINS] = spectrum
    samples: Samples = fft.irfft(full)[BLOCK:]
    return samples
