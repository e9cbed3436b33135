"""What a talking face costs as VP8 and H.264, and how near to the original it stays, at the same bitrate.

    python -m benchmarks.encoding                    # at 500, 1000 and 2000 kbit/s, a minute
    python -m benchmarks.encoding --kbit 1000 --sheet sheet.png

Ten seconds of a shipped portrait that speaks are drawn once; then each encoder has all of them, one thread, and its
packets are decoded again. PSNR and SSIM (Wang et al. 2004) are those of every fifth picture. `ours` is what is sent
(agent/web/rtc/encoder.py), `aiortc` what aiortc would make of the same pictures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from aiortc.codecs.vpx import Vp8Decoder, Vp8Encoder
from aiortc.jitterbuffer import JitterFrame

from agent.commands.demo import QUESTIONS
from agent.config.config import load_config
from agent.faces import load_face, load_motion, new_sampler
from agent.web.rtc import encoder as ours
from avatar.clock import SAMPLES_PER_FRAME
from avatar.decoder import Image, VideoFrame
from avatar.motion import FRAME_RATE_HZ, ConversationState
from benchmarks.report import print_machine
from speech.audio import OUTPUT_RATE_HZ, AudioChunk
from speech.files.sound_file import read_audio

SECONDS = 10
Encode = Callable[[VideoFrame], bytes]


def talking_face() -> list[VideoFrame]:
    """The pictures, drawn from shipped speech."""
    config = load_config(None, [], {})
    sound = np.concatenate([read_audio(path, OUTPUT_RATE_HZ) for path in sorted(QUESTIONS.glob("*.wav"))])
    sampler, decoder = new_sampler(config, load_motion(config)), load_face(config).decoder
    sampler.set_state(ConversationState.SPEAKING)
    sampler.push(AudioChunk(sound[: SECONDS * OUTPUT_RATE_HZ], OUTPUT_RATE_HZ, 0))
    sampler.end_of_speech()
    motion = enumerate(sampler.frames().values)
    return [VideoFrame(decoder.decode(values), index * SAMPLES_PER_FRAME) for index, values in motion]


def our_encoder(bitrate: int) -> Encode:
    """What is sent to browsers."""
    encoder = ours.FaceEncoder()
    encoder.bitrate = bitrate
    return lambda frame: bytes(encoder.encode(frame))


def aiortc_encoder(bitrate: int) -> Encode:
    """Aiortc's settings; its own packets' headers are taken off again."""
    encoder = Vp8Encoder()
    encoder.target_bitrate = bitrate

    def encode(frame: VideoFrame) -> bytes:
        picture = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
        picture.pts, picture.time_base = frame.pts_samples, Fraction(1, OUTPUT_RATE_HZ)
        payloads, _ = encoder.encode(picture)
        return b"".join(payload[4:] for payload in payloads)  # a byte, its extension, the picture's number

    return encode


def x264_encoder(preset: str) -> Callable[[int], Encode]:
    """H.264 as a browser can take it."""

    def make(bitrate: int) -> Encode:
        codec: Any = av.CodecContext.create("libx264", "w")
        codec.width = codec.height = 512
        codec.bit_rate, codec.pix_fmt, codec.thread_count, codec.profile = bitrate, "yuv420p", 1, "Baseline"
        codec.framerate, codec.time_base = Fraction(FRAME_RATE_HZ), Fraction(1, FRAME_RATE_HZ)
        codec.options = {"preset": preset, "tune": "zerolatency", "level": "31"}

        def encode(frame: VideoFrame) -> bytes:
            picture = av.VideoFrame.from_ndarray(cv2.cvtColor(frame.image, cv2.COLOR_RGB2YUV_I420), format="yuv420p")
            return b"".join(map(bytes, codec.encode(picture)))

        return encode

    return make


def decoded(codec: str, packets: Iterable[bytes]) -> list[Image]:
    """The pictures that a receiver sees."""
    if codec == "VP8":
        decoder = Vp8Decoder()
        frames: Any = [frame for packet in packets for frame in decoder.decode(JitterFrame(packet, 0))]
    else:
        context: Any = av.CodecContext.create("h264", "r")
        frames = [frame for packet in packets for frame in context.decode(av.Packet(packet))] + context.decode(None)
    return [frame.to_ndarray(format="rgb24") for frame in frames]


def psnr(a: Image, b: Image) -> float:
    """Peak signal-to-noise ratio, dB."""
    return float(cv2.PSNR(a, b))


def ssim(a: Image, b: Image) -> float:
    """Structural similarity, the mean over the picture and its three colours."""

    def blurred(x: Any) -> Any:
        return cv2.GaussianBlur(x, (11, 11), 1.5)

    x, y = a.astype(np.float32), b.astype(np.float32)
    mean_x, mean_y = blurred(x), blurred(y)
    var_x, var_y = blurred(x * x) - mean_x**2, blurred(y * y) - mean_y**2
    covariance = blurred(x * y) - mean_x * mean_y
    one, two = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    alike = (2 * mean_x * mean_y + one) * (2 * covariance + two)
    return float((alike / ((mean_x**2 + mean_y**2 + one) * (var_x + var_y + two))).mean())


ENCODERS: dict[str, tuple[str, Callable[[int], Encode]]] = {
    "VP8, ours": ("VP8", our_encoder),
    "VP8, aiortc": ("VP8", aiortc_encoder),
    **{f"H.264, {preset}": ("H264", x264_encoder(preset)) for preset in ("ultrafast", "superfast", "veryfast")},
}


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kbit", type=int, nargs="+", default=[500, 1000, 2000], help="bits a second, thousands")
    parser.add_argument("--sheet", type=Path, help="a picture to look at: the original and every encoder's, last rate")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    print_machine("av", "aiortc", threads=1, seed=load_config(None, [], {}).face.seed, seconds=SECONDS)
    frames = talking_face()
    ours.MOST_BITRATE = 10_000_000  # compared at every bitrate that is asked for
    for kbit in options.kbit:
        row = [frames[len(frames) // 2].image]
        for name, (codec, make) in ENCODERS.items():
            encode, began = make(1000 * kbit), time.thread_time()
            packets = [encode(frame) for frame in frames]
            took_ms = 1000 * (time.thread_time() - began) / len(frames)
            seen = decoded(codec, packets)
            pairs = [(frame.image, picture) for frame, picture in zip(frames, seen, strict=True)][::5]
            rate = sum(map(len, packets)) * 8 * FRAME_RATE_HZ / len(frames) / 1000
            quality = [np.mean([measure(a, b) for a, b in pairs]) for measure in (psnr, ssim)]
            print(f"{kbit} kbit/s  {name:<18} {took_ms:5.2f} ms a picture  {rate:5.0f} kbit/s", end="  ")
            print(f"PSNR {quality[0]:.2f} dB  SSIM {quality[1]:.4f}", flush=True)
            row.append(seen[len(seen) // 2])
    if options.sheet:
        cv2.imwrite(str(options.sheet), cv2.cvtColor(np.hstack(row), cv2.COLOR_RGB2BGR))


if __name__ == "__main__":
    main()
