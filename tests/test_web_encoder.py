"""The face's pictures as VP8: they can be decoded, alone where that is asked for, and follow the network's bitrate."""

from __future__ import annotations

import av
import numpy as np
import pytest

from agent.web.rtc.encoder import FIRST_BITRATE, VIDEO_CLOCK_HZ, FaceEncoder
from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import VideoFrame

SIZE = 256


def pictures(count: int) -> list[VideoFrame]:
    """Coarse noise that moves."""
    coarse = np.random.default_rng(0).integers(0, 256, (SIZE // 16, SIZE // 16 + count, 3), np.uint8)
    wide = coarse.repeat(16, axis=0).repeat(16, axis=1)
    return [VideoFrame(wide[:, 4 * i : 4 * i + SIZE].copy(), i * SAMPLES_PER_FRAME) for i in range(count)]


def test_what_is_encoded_can_be_decoded_and_has_its_place_in_time() -> None:
    encoder, decoder = FaceEncoder(), av.CodecContext.create("libvpx", "r")
    for index, frame in enumerate(pictures(10)):
        packet = encoder.encode(frame)
        assert packet.is_keyframe == (index == 0)
        assert packet.pts is not None and packet.pts * 25 == index * VIDEO_CLOCK_HZ
        (decoded,) = decoder.decode(av.Packet(bytes(packet)))  # type: ignore[attr-defined]
        error = decoded.to_ndarray(format="rgb24").astype(float) - frame.image
        assert np.sqrt((error**2).mean()) < 20


def test_a_peer_that_has_lost_a_picture_gets_one_that_stands_alone() -> None:
    encoder = FaceEncoder()
    packets = [encoder.encode(frame, key_frame=index == 6) for index, frame in enumerate(pictures(9))]
    assert [index for index, packet in enumerate(packets) if packet.is_keyframe] == [0, 6]
    av.CodecContext.create("libvpx", "r").decode(av.Packet(bytes(packets[6])))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("bitrate", "starts_anew"), [(FIRST_BITRATE * 1.1, []), (300_000, [20]), (9_000_000, [125])])
def test_the_bitrate_follows_the_network_down_at_once_and_up_slowly(bitrate: float, starts_anew: list[int]) -> None:
    encoder, keys, size = FaceEncoder(), [], 0
    for index, frame in enumerate(pictures(150)):
        if index == 20:
            encoder.bitrate = int(bitrate)
        packet = encoder.encode(frame)
        size += packet.size if index >= 125 else 0
        if packet.is_keyframe and index:
            keys.append(index)
    assert keys == starts_anew
    assert size * 8 <= 1.6 * min(bitrate, 1_500_000), "the last second"
