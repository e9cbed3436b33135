"""`visavis mirror` measured from outside: how much later than the user the face says it, and sound against picture.

    python -m benchmarks.mirror --seconds 60

Over the same devices as `benchmarks.live`. The delay is that of the sound, found by correlating both recordings second
by second; the picture's offset to it is measured frame by frame.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from agent.commands.demo import QUESTIONS
from benchmarks.emitted import TimedRecording, delay_s
from benchmarks.live import WINDOW_S, Talker, find_offsets, watching, with_own_cache
from benchmarks.live_report import LiveMeasurements
from benchmarks.report import print_machine, print_percentiles
from speech.audio import OUTPUT_RATE_HZ
from speech.files.sound_file import read_audio
from tests.fuse_camera import fuse_camera
from tests.pulse import pulse


def mirrored(seconds: float, overrides: list[str]) -> tuple[list[float], LiveMeasurements]:
    """Speaks for so long; returns the sound's delays in seconds, and the rest."""
    speech = np.concatenate([read_audio(path, OUTPUT_RATE_HZ) for path in sorted(QUESTIONS.glob("*.wav"))])
    speech = np.tile(speech, int(np.ceil(seconds * OUTPUT_RATE_HZ / len(speech))))[: round(seconds * OUTPUT_RATE_HZ)]
    measured = LiveMeasurements()
    with (
        tempfile.TemporaryDirectory() as name,
        pulse(Path(name)) as sound_system,
        fuse_camera(Path(name) / "camera", 512, 512) as camera,
        TimedRecording(sound_system.environ, "speaker.monitor") as speaker,
        TimedRecording(sound_system.environ, "micsink.monitor") as microphone,
    ):
        kept = Path(name) / "sound.raw"
        talker = Talker(with_own_cache(sound_system.environ), camera.device, kept, overrides, "--mirror")
        arrivals: list[tuple[float, int]] = []
        assert talker.wait_for("ready", 120)
        began = time.monotonic()
        with watching(talker, camera, arrivals, measured, began):
            time.sleep(2.0)
            sound_system.speak(speech).wait()
            time.sleep(1.0)
            talker.leave()
        measured.end = next(line for line in talker.received if line["kind"] == "end")
        find_offsets(measured, speaker, np.fromfile(kept, "<f4"), arrivals, began)
        size = round(WINDOW_S * OUTPUT_RATE_HZ)
        heard, said = speaker.samples(), microphone.samples()
        shift = microphone.start_s() - speaker.start_s()
        delays = []
        for start in range(0, len(said) - size, size):
            piece = said[start : start + size]
            low = start + round(shift * OUTPUT_RATE_HZ)
            if low < 0 or np.sqrt(np.mean(np.square(piece))) < 0.02:
                continue
            found_s, likeness = delay_s(heard[low : low + 2 * size], piece)
            if likeness > 0.7:
                delays.append(found_s)
    return delays, measured


def main() -> None:
    """Runs it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("overrides", nargs="*", help="settings as section.key=value")
    options = parser.parse_args()
    overrides = ["devices.microphone=VisavisMic", "devices.speaker=VisavisSpeaker", "camera.size=512x512"]
    print_machine("torch", "sounddevice", "pyvirtualcam", threads=1, seconds=options.seconds)
    delays, measured = mirrored(options.seconds, [*overrides, *options.overrides])
    print_percentiles("voice -> mirrored voice", [1000 * s for s in delays], "ms", "<= 200")
    print_percentiles("picture minus sound", [1000 * offset for _, offset in measured.offsets], "ms", "within 40")
    end = measured.end
    print(f"late frames: {end['late']} of {end['frames']}; ran dry {end['underflows']}, lost {end['chunks_lost']}")


if __name__ == "__main__":
    main()
