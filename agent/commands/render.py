"""The command that turns sound into a talking, or listening, face: render."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from agent.commands import options
from agent.commands.options import check_target, check_video, configured, progress, say
from agent.config.config import Config
from avatar.control_timeline import ControlTimeline, read_control_timeline
from avatar.motion import ConversationState, Emotion
from avatar.outputs.base import VIDEO_SUFFIXES
from speech.errors import InputError
from speech.worker import signals


def render(
    audio: Annotated[
        Path | None,
        typer.Option("--audio", "-a", metavar="FILE", help="What it says: WAV, FLAC, MP3, OGG, M4A, a video …"),
    ] = None,
    portrait: options.PortraitName = None,
    landmarks: options.Landmarks = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.mp4", help="The video: .mp4, .webm or .mov.")
    ] = None,
    user_audio: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What the other person says, from the same start; it listens.")
    ] = None,
    mix_user: Annotated[
        bool, typer.Option("--mix-user", help="Let the video have the other person's sound too.")
    ] = False,
    state: Annotated[
        str | None,
        typer.Option(metavar="STATE", help="idle, listening, thinking or speaking (without --audio: listening)."),
    ] = None,
    emotion: options.EmotionName = None,
    intensity: options.Intensity = None,
    gaze: options.Gaze = None,
    distance: options.HeadDistance = None,
    composure: options.Composure = None,
    controls: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="All of these over time; docs/controls.md has the columns.")
    ] = None,
    motion_out: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Write the motion: 60 numbers a frame, 25 frames a second.")
    ] = None,
    motion_in: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Play such a file back instead of sampling motion.")
    ] = None,
    size: options.Size = None,
    background: options.Background = None,
    full_frame: options.FullFrame = None,
    seed: options.Seed = None,
    config: options.ConfigPath = None,
    overrides: options.Overrides = None,
    quiet: options.Quiet = False,
) -> None:
    """Makes a portrait say a recording, or listen to one, with the expression that is asked for.

    Examples:
    `visavis render --portrait me.jpg --audio speech.wav -o talking.mp4`

    `visavis render --audio speech.wav --emotion happy --gaze 10,-5 --distance 1.1 -o friendly.mp4`

    `visavis render --audio speech.wav --controls controls.csv -o directed.mp4`

    `visavis render --audio answer.wav --user-audio question.wav --controls turns.csv --mix-user -o talk.mp4`

    `visavis render --audio speech.mp3 --motion-out curves.csv`

    `visavis render --audio speech.wav --background transparent --size 768 -o overlay.webm`

    `visavis render --portrait family.jpg --audio speech.wav --full-frame -o photo.mp4`

    `visavis render --portrait mira --motion-in curves.csv --audio speech.mp3 -o again.mp4`
    """
    asked = options.face_settings(emotion, intensity, gaze, distance, composure)
    if audio is None and user_audio is None and motion_in is None:
        raise InputError("render: expected --audio FILE, --user-audio FILE or --motion-in FILE, got none")
    if output is None and motion_out is None:
        raise InputError("render: expected -o FILE.mp4 or --motion-out FILE.csv, got neither: there is nothing to make")
    if mix_user and user_audio is None:
        raise InputError("render: --mix-user: expected --user-audio FILE beside it, got none")
    if motion_in is not None:
        if state or controls or any(value is not None for value in asked.values()):
            raise InputError(
                "render: --motion-in plays motion that is made already; leave out what is asked of the face"
            )
        if user_audio is not None and not mix_user:
            raise InputError("render: --motion-in does not listen; leave --user-audio out, or add --mix-user")
    if state is not None and state not in set(ConversationState):
        raise InputError(f"render: --state: expected one of {', '.join(ConversationState)}, got '{state}'")
    check_target(output, *VIDEO_SUFFIXES)
    check_target(motion_out, ".csv")
    asked |= {"output.size": size, "output.background": background, "output.full_frame": full_frame}
    settings = configured(config, overrides, portrait=portrait, landmarks=landmarks, seed=seed, more=asked)
    check_video(output, settings)
    if intensity is not None and controls is None and settings.controls.emotion is Emotion.NEUTRAL:
        raise InputError("render: --intensity: expected --emotion NAME beside it, got none; neutral has no strength")
    begins = ConversationState(state or ("speaking" if audio else "listening"))
    if controls is None:
        timeline = ControlTimeline.constant(begins, settings.controls.controls())
    else:
        timeline = read_control_timeline(controls, state=begins, controls=settings.controls.controls())
    signals.run(_Rendering(audio, user_audio, mix_user, output, motion_out, motion_in, timeline).run(settings, quiet))


@dataclass(frozen=True, slots=True)
class _Rendering:
    """One rendering's files, and what is asked of the face."""

    audio: Path | None
    user_audio: Path | None
    mix_user: bool
    output: Path | None
    motion_out: Path | None
    motion_in: Path | None
    timeline: ControlTimeline

    async def run(self, config: Config, quiet: bool) -> None:
        from agent.backends.planning import planned_outputs
        from agent.engine import label
        from agent.faces import load_face, load_sampler
        from avatar.motion import FRAME_RATE_HZ, read_motion_csv
        from avatar.outputs.opening import open_outputs
        from avatar.recording import frames_of, render_recording
        from avatar.renderer import FrameShown
        from avatar.sampler.lookahead import MotionSampler
        from avatar.sampler.recorded_motion import RecordedMotion
        from speech.audio import OUTPUT_RATE_HZ, Samples
        from speech.files.sound_file import read_audio

        async def heard(path: Path | None) -> Samples:
            if path is None:
                return np.zeros(0, np.float32)
            return await asyncio.to_thread(read_audio, path, OUTPUT_RATE_HZ, report=lambda line: say(line, quiet))

        recorded = await asyncio.to_thread(read_motion_csv, self.motion_in) if self.motion_in else None
        sound, user_sound = await heard(self.audio), await heard(self.user_audio)
        frames = len(recorded) if recorded is not None else frames_of(max(len(sound), len(user_sound)))
        if (last := self.timeline.cues[-1].frame) >= frames:
            say(f"the last row of the controls is for {last / FRAME_RATE_HZ:.2f} s, after the end", quiet)
        with progress(quiet) as bar:
            task = bar.add_task("loading", total=None, note="")
            async with asyncio.TaskGroup() as group:
                sampling = None if recorded is not None else group.create_task(asyncio.to_thread(load_sampler, config))
                loading = group.create_task(asyncio.to_thread(load_face, config)) if self.output else None
            sampler: MotionSampler
            if sampling is not None:
                sampler = sampling.result()
            else:
                assert recorded is not None
                sampler = RecordedMotion(recorded)
            face = None if loading is None else loading.result()
            portrait = None if face is None else face.portrait
            if portrait is not None:
                for notice in portrait.notices:
                    say(f"{portrait.path.name}: {notice}", quiet)
            planned = planned_outputs(
                config, is_live=False, portrait=portrait, video=self.output, motion_csv=self.motion_out
            )
            bar.update(task, description="rendering", total=frames)

            def advance(shown: FrameShown) -> None:
                bar.update(task, completed=shown.frame + 1, note=f"{(shown.frame + 1) / FRAME_RATE_HZ:.1f} s")

            async with open_outputs(planned, on_problem=lambda problem: say(f"! {problem}", quiet)) as outputs:
                await render_recording(
                    sound,
                    user_sound,
                    frames,
                    sampler=sampler,
                    decoder=None if face is None else face.decoder,
                    outputs=outputs,
                    label=label(config),
                    timeline=self.timeline,
                    mix_user=self.mix_user,
                    on_frame=advance,
                )
        for path in (self.output, self.motion_out):
            if path is not None:
                say(f"{path}: {frames} frames, {frames / FRAME_RATE_HZ:.2f} s", quiet)
