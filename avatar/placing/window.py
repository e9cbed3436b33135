"""The window in which points are placed: what happens in it goes to the editor, what the editor holds is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from avatar.decoder import Image
from avatar.outputs.window_process import BLIND_DRIVERS
from avatar.placing.drawing import PANEL_PX, draw_editor, image_pyramid
from avatar.placing.editor import Editor, Step
from avatar.placing.points import PlacedPoints
from speech.errors import DeviceError, InputError

_SIZE = (1180, 800)
_SMALLEST = (PANEL_PX + 240, 480)
_ARROWS = {"left": (-1.0, 0.0), "right": (1.0, 0.0), "up": (0.0, -1.0), "down": (0.0, 1.0)}
_FAST = 10.0


class PlacingWindow:
    """Places the points of one picture. `run` owns the main thread, as macOS wants it.

    Args:
        title: what the window's bar says.
        picture: uint8 [H, W, 3] RGB.
        placed: points to begin with, pixels of the picture; None asks for eyes and mouth first.
        save: writes the points, and returns one line that says so, or why not.

    Raises:
        InputError: there is no display, or pygame-ce is not installed.
    """

    def __init__(
        self, title: str, picture: Image, placed: PlacedPoints | None, save: Callable[[PlacedPoints], tuple[bool, str]]
    ) -> None:
        if find_spec("pygame") is None:
            raise InputError(
                "landmarks: expected the package pygame-ce, it is not installed; pip install 'visavis[window]', or "
                "write the points into a file with --detect"
            )
        os.environ["PYGAME_HIDE_SUPPORT_PROMPT"] = "1"
        import pygame

        self._pygame, self._pictures, self._save = pygame, image_pyramid(picture), save
        height, width = picture.shape[:2]
        try:
            pygame.display.init()
            if pygame.display.get_driver() in BLIND_DRIVERS and "SDL_VIDEODRIVER" not in os.environ:
                raise pygame.error("none")
            pygame.display.set_caption(title)
            desktop = pygame.display.get_desktop_sizes()[0]
            self._size = (min(_SIZE[0], desktop[0]), min(_SIZE[1], desktop[1]))
            pygame.display.set_mode(self._size, pygame.RESIZABLE)
        except pygame.error as error:
            pygame.display.quit()
            raise DeviceError(
                f"landmarks: expected a display, got {error}; set DISPLAY, or write the points to a file with --detect"
            ) from None
        pygame.key.set_repeat(350, 40)
        self.editor = Editor((width, height), self._screen, placed)

    @property
    def _screen(self) -> tuple[int, int]:
        return self._size[0] - PANEL_PX, self._size[1]

    def run(self) -> None:
        """Runs the event loop until the window is closed."""
        pygame = self._pygame
        self._draw()
        try:
            while True:
                # Whatever has come meanwhile is handled before the next picture: drawing takes longer than moving.
                events = [pygame.event.wait(), *pygame.event.get()]
                for event in events:
                    if not self._handle(event):
                        return
                self._draw()
        finally:
            pygame.display.quit()

    def _handle(self, event: Any) -> bool:
        """Does what one event asks for; False ends the program."""
        pygame, editor = self._pygame, self.editor
        if event.type == pygame.KEYDOWN:
            return self._key(pygame.key.name(event.key), event.mod)
        if event.type == pygame.MOUSEBUTTONDOWN and event.pos[0] < self._screen[0]:
            if event.button == pygame.BUTTON_LEFT:
                editor.press(*event.pos)
            elif event.button in (pygame.BUTTON_MIDDLE, pygame.BUTTON_RIGHT):
                editor.hold_picture(*event.pos)
        elif event.type == pygame.MOUSEMOTION:
            editor.drag(*event.pos)
        elif event.type == pygame.MOUSEBUTTONUP:
            if event.button in (pygame.BUTTON_LEFT, pygame.BUTTON_MIDDLE, pygame.BUTTON_RIGHT):
                editor.release()
        elif event.type == pygame.MOUSEWHEEL:
            editor.zoom(event.y, *pygame.mouse.get_pos())
        elif event.type == pygame.VIDEORESIZE:
            width, height = pygame.display.get_window_size()
            self._size = (max(width, _SMALLEST[0]), max(height, _SMALLEST[1]))
            editor.resize(self._screen)
        elif event.type == pygame.QUIT:
            return not editor.leave()
        return True

    def _key(self, name: str, modifiers: int) -> bool:
        pygame, editor = self._pygame, self.editor
        shift, control = bool(modifiers & pygame.KMOD_SHIFT), bool(modifiers & pygame.KMOD_CTRL)
        if name == "escape":
            return not editor.leave()
        if name == "s" and editor.placed:
            is_leaving = editor.step is Step.LEAVE
            editor.stay()
            is_saved, message = self._save(editor.placed)
            if is_saved:
                editor.mark_saved(message)
                return not is_leaving
            editor.message = message
        elif editor.step is Step.LEAVE:
            editor.stay()
        elif name in _ARROWS:
            right, down = _ARROWS[name]
            editor.nudge(right * (_FAST if shift else 1.0), down * (_FAST if shift else 1.0))
        elif name == "tab":
            editor.select_next(forwards=not shift)
        elif name == "u" or (name == "z" and control):
            editor.undo()
        elif name == "m":
            editor.is_mesh_shown = not editor.is_mesh_shown
        elif name == "0":
            editor.fit()
        elif name == "r":
            editor.start_over()
        return True

    def _draw(self) -> None:
        pygame = self._pygame
        image = draw_editor(self.editor, self._pictures, self._size)
        pygame.display.get_surface().blit(pygame.image.frombuffer(image, self._size, "RGB"), (0, 0))
        pygame.display.flip()
