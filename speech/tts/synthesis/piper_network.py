"""A Piper voice's network, run in parts: durations first, then the sound in chunks, from noise that is always the same.

Piper voices are VITS models (Kim et al., 2021, https://arxiv.org/abs/2106.06103): a text encoder and a stochastic
duration predictor, a flow from noise to the latent frames, and a HiFi-GAN decoder that takes four fifths of the time.
Flow and decoder are convolutions, so that what is far away does not change a frame: they are run chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from speech.audio import Samples
from speech.tts.synthesis.onnx_graph import OnnxGraph
from speech.tts.synthesis.onnx_session import open_session

_SEED = 0
_DECODER_FRAMES = 12
"""That the decoder sees on both sides of a frame (10 by its kernels, in all qualities)."""
_FLOW_FRAMES = 32
"""That the flow sees: four couplings of four layers with kernels of 5."""
_FIRST_FRAMES = 24
"""Of the first chunk: about 0.28 s; each further one is twice as long, until they are `_MOST_FRAMES` long."""
_MOST_FRAMES = 384


class PiperNetwork:
    """The network's parts in onnxruntime, on one thread.

    Where a network isn't built as expected, it is run as a whole: then sound comes only when all is made, and noise is
    as it happens.

    Args:
        path: the voice's .onnx file.

    Raises:
        InputError: it is no ONNX file.

    Attributes:
        gives_durations: whether it says how long each symbol lasts.
    """

    def __init__(self, path: Path) -> None:
        graph = OnnxGraph(path.read_bytes())
        noises = [node for node in graph.nodes if node.operator == "RandomNormalLike"]
        latents = next((node.inputs[0] for node in graph.nodes if "dec.conv_pre.weight" in node.inputs), None)
        ceilings = [node.outputs[0] for node in graph.nodes if node.operator == "Ceil"]
        self._like = {node.outputs[0]: node.inputs[0] for node in noises}
        self._durations = ceilings[-1] if ceilings else None
        self._sound = graph.outputs[0]
        self._latents = latents if noises else None
        cuts = [*self._like, *([self._latents] if self._latents else [])]
        types: dict[str, str] = dict.fromkeys(self._like, "tensor(float)")
        self._parts: list[Any] = []
        for part in graph.parts(cuts, also=[*self._like.values(), *ceilings[-1:]]):
            session = open_session(part.model(types))
            types |= {output.name: output.type for output in session.get_outputs()}
            self._parts.append(session)
        self.gives_durations = self._durations is not None

    def run(
        self, ids: list[int], scales: tuple[float, float, float], speaker: int
    ) -> tuple[npt.NDArray[np.float32] | None, Generator[Samples, None, None]]:
        """Says a clause.

        Args:
            ids: numbers of the symbols, T in all.
            scales: noise of the sound, factor on all durations, noise of the durations.
            speaker: number of the speaker, for networks that have several.

        Returns:
            How long each symbol lasts, float32 [T], in units of their own, None where the network doesn't say; and the
            sound, float32 [N] pieces that are made while they are asked for.
        """
        random = np.random.default_rng(_SEED)
        values: dict[str, Any] = {
            "input": np.asarray([ids], np.int64),
            "input_lengths": np.asarray([len(ids)], np.int64),
            "scales": np.asarray(scales, np.float32),
            "sid": np.asarray([speaker], np.int64),
        }
        parts = iter(self._parts)
        for noise, like in self._like.items():
            self._step(next(parts), values)
            values[noise] = random.standard_normal(values[like].shape, dtype=np.float32)
        durations = values[self._durations].ravel() if self._durations in values else None
        if self._latents is None:
            return durations, self._whole(values)
        return durations, self._chunks(values, frames=values[noise].shape[-1])

    def _whole(self, values: dict[str, Any]) -> Generator[Samples, None, None]:
        self._step(self._parts[-1], values)
        yield values[self._sound].ravel()

    def _chunks(self, values: Mapping[str, Any], *, frames: int) -> Generator[Samples, None, None]:
        flow, decoder = self._parts[-2:]
        start, size = 0, _FIRST_FRAMES
        while start < frames:
            end = start + size if start + size * 1.5 < frames else frames
            seen = max(start - _DECODER_FRAMES, 0), min(end + _DECODER_FRAMES, frames)
            first, last = max(seen[0] - _FLOW_FRAMES, 0), min(seen[1] + _FLOW_FRAMES, frames)
            within = {
                name: value[..., first:last] if value.shape[-1:] == (frames,) else value
                for name, value in values.items()
            }
            self._step(flow, within)
            within[self._latents or ""] = within[self._latents or ""][..., seen[0] - first : seen[1] - first]
            self._step(decoder, within)
            sound = within[self._sound].ravel()
            hop = len(sound) // (seen[1] - seen[0])
            yield sound[(start - seen[0]) * hop : (end - seen[0]) * hop]
            start, size = end, min(size * 2, _MOST_FRAMES)

    @staticmethod
    def _step(part: Any, values: dict[str, Any]) -> None:
        """Runs a part; its results join the values."""
        results = part.run(None, {one.name: values[one.name] for one in part.get_inputs()})
        values.update(zip((one.name for one in part.get_outputs()), results, strict=True))
