"""Whether pictures are still being made: what the watchdog wants to know."""

from __future__ import annotations

from agent.engine import Engine
from agent.faces import new_sampler
from agent.web.visits.hall import Hall
from avatar.clock import SAMPLES_PER_FRAME, PacedClock
from avatar.renderer import Renderer
from speech.sound_track import SoundTrack

TRIAL_FRAMES = 2


class Liveness:
    """Looks at every conversation's pictures, and makes some itself where there is none.

    Args:
        engine: renders.
        hall: has the conversations.
    """

    def __init__(self, engine: Engine, hall: Hall) -> None:
        self._engine, self._hall = engine, hall
        self._frames: dict[str, int] = {}

    async def prove(self) -> str:
        """Returns, since it runs there, only while the event loop does; asked again after seconds, not sooner.

        Returns:
            A line on how it is.

        Raises:
            RuntimeError: a conversation has not moved since the last time.
        """
        before, self._frames = self._frames, self._hall.frames()
        stuck = sum(before.get(visit) == frames for visit, frames in self._frames.items())
        if stuck:
            raise RuntimeError(f"{stuck} of {len(self._frames)} conversations render no pictures any more")
        if not self._frames:
            await self._render()
        return f"{len(self._frames)} in conversation"

    async def _render(self) -> None:
        """Motion and pictures of a moment, the way that a conversation's are made."""
        config, parts = self._engine.config, self._engine.parts
        async with parts.motion(config) as motion, parts.decoder(config) as decoder:
            renderer = Renderer(
                clock=PacedClock(),
                voice=SoundTrack(),
                user=SoundTrack(),
                sampler=new_sampler(config, motion),
                decoder=decoder,
                outputs=[],
                label=None,
            )
            renderer.end_at(TRIAL_FRAMES * SAMPLES_PER_FRAME)
            await renderer.run()
