"""Coqui's models as the worker uses them: loaded from a folder, a sentence's raw sound out.

Imported in the worker process only: coqui-tts, PyTorch and transformers take seconds to load.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from TTS.config import load_config
from TTS.tts.models import setup_model
from TTS.tts.utils.languages import normalize_language

from speech.errors import InputError
from speech.files.sound_file import read_audio
from speech.tts.synthesis.neural_speaker import RawSpeech, Turn
from speech.tts.synthesis.word_times import words_from_symbols

_SEED = 0
"""Every sentence begins from the same noise: what is said, and how, must not depend on what was said before."""


def choose_device(wanted: str) -> torch.device:
    """The device that a setting means.

    Raises:
        InputError: it isn't there.
    """
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    is_there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not is_there.get(wanted, False):
        raise InputError(f"device: expected one that PyTorch has here, got {wanted!r}; use auto or cpu")
    return torch.device(wanted)


class VitsModel:
    """A VITS model. The texts of several sentences are read at once, the network speaks them in turn, each whole.

    Args:
        setup: see `speech.tts.coqui_worker`.
    """

    knows_times = True

    def __init__(self, setup: dict[str, Any]) -> None:
        config: Any = load_config(setup["config"])
        for key, file in setup["files"].items():
            _set_file(config, key, file)
        for key in ("speaker_encoder_model_path", "speaker_encoder_config_path"):
            _set_file(config, key, "")  # only needed to copy voices
        self._device = choose_device(setup["device"])
        self._model: Any = setup_model(config)
        _load(self._model, config, checkpoint_path=setup["checkpoint"])
        self._model.to(self._device)
        self._own_length_scale = self._model.length_scale
        self._language, self._conditions = self._chosen(setup["speaker"], setup["language"], config)

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        self._model.length_scale = self._own_length_scale / faster

    def speak(self, words: Sequence[str], turn: Turn) -> Generator[RawSpeech, None, None]:
        """Says a sentence, whole.

        Raises:
            InputError: the voice knows none of these letters.
        """
        text = " ".join(words)
        tokenizer = self._model.tokenizer
        ids = tokenizer.text_to_ids(text, language=self._language)
        signs = [tokenizer.characters.id_to_char(number) for number in ids]
        blanks = (tokenizer.characters.blank, tokenizer.characters.pad)  # longer ones, "<EOS>", stand for nothing too
        symbols = ["" if sign in blanks or len(sign) > 1 else sign for sign in signs]
        if not any(symbol.isalnum() for symbol in symbols):
            raise InputError(f"expected text in the language of the voice ({self._language}), got {text[:40]!r}")
        with turn(), torch.inference_mode():
            torch.manual_seed(_SEED)
            tokens = torch.tensor([ids], dtype=torch.long, device=self._device)
            lengths = torch.tensor([len(ids)], device=self._device)
            outputs = self._model.inference(tokens, aux_input={"x_lengths": lengths, **self._conditions})
            samples = outputs["model_outputs"].flatten().float().cpu().numpy()
            durations = outputs["durations"].flatten().double().cpu().numpy()
        bounds = np.round(np.cumsum([0.0, *durations]) * (len(samples) / durations.sum())).astype(int)
        spans = words_from_symbols([self._clean(word) for word in words], symbols, bounds.tolist())
        yield RawSpeech(samples, spans)

    def _clean(self, word: str) -> str:
        clean = self._model.tokenizer.text_cleaner
        return str(clean(word, lang=normalize_language(self._language))) if clean else word

    def _chosen(self, speaker: str, language: str, config: Any) -> tuple[str | None, dict[str, Any]]:
        """The model's name of the language, and its tensors for speaker and language."""
        conditions: dict[str, Any] = {"speaker_ids": None, "d_vectors": None, "language_ids": None}
        speakers, languages = self._model.speaker_manager, self._model.language_manager
        if speaker and config.model_args.use_d_vector_file:
            vector = torch.tensor(speakers.get_mean_embedding(speaker), dtype=torch.float32, device=self._device)
            conditions["d_vectors"] = vector.unsqueeze(0)
        elif speaker:
            conditions["speaker_ids"] = torch.tensor([speakers.name_to_id[speaker]], device=self._device)
        names = list(languages.name_to_id)
        if not config.model_args.use_language_embedding:
            return names[0] if len(names) == 1 else None, conditions
        name = next((name for name in names if name.lower() == language.lower()), None)
        name = name or next((name for name in names if normalize_language(name) == normalize_language(language)), None)
        if name is None:
            raise InputError(f"voice.language: expected one of the model's ({', '.join(names)}), got {language!r}")
        conditions["language_ids"] = torch.tensor([languages.name_to_id[name]], device=self._device)
        return name, conditions


class XttsModel:
    """An XTTS model with one voice.

    Args:
        setup: see `speech.tts.coqui_worker`.
    """

    knows_times = False

    def __init__(self, setup: dict[str, Any]) -> None:
        config: Any = load_config(setup["config"])
        self._device = choose_device(setup["device"])
        self._model: Any = setup_model(config)
        checkpoint = Path(setup["checkpoint"])
        _load(self._model, config, checkpoint_dir=checkpoint.parent, checkpoint_path=checkpoint)
        self._model.to(self._device)
        self._language = setup["language"]
        self._speed = 1.0
        self._latents = (
            self._listen(Path(setup["sample"]), config)
            if setup["sample"]
            else tuple(self._model.speaker_manager.speakers[setup["speaker"]].values())
        )
        self._sampling = {
            key: config[key] for key in ("temperature", "length_penalty", "repetition_penalty", "top_k", "top_p")
        }

    def set_pace(self, faster: float) -> None:
        """Speaks this many times as fast as by itself."""
        self._speed = faster

    def speak(self, words: Sequence[str], turn: Turn) -> Generator[RawSpeech, None, None]:
        """Says a sentence, in pieces as they are made (about 0.9 s each).

        Beside its generator's, the library keeps two things of a sentence: PyTorch's noise, and the reading of text and
        voice that every token needs. Both are exchanged with the turn.
        """
        pieces = self._model.inference_stream(
            " ".join(words), self._language, *self._latents, speed=self._speed, **self._sampling
        )
        reader = self._model.gpt.gpt_inference
        noise = torch.Generator(self._device).manual_seed(_SEED).get_state()
        reading: Any = None
        while True:
            with turn():
                _set_noise(noise, self._device)
                reader.store_prefix_emb(reading)
                samples = next(pieces, None)
                noise, reading = _noise(self._device), reader.cached_prefix_emb
            if samples is None:
                return
            yield RawSpeech(samples.float().cpu().numpy(), None)

    def _listen(self, sample: Path, config: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """What the model needs to know of a voice. The library's own reading of files needs more packages."""
        rate = config.audio.sample_rate
        audio = torch.from_numpy(read_audio(sample, rate)).unsqueeze(0)[:, : rate * config.max_ref_len]
        if config.sound_norm_refs:
            audio = audio / audio.abs().max() * 0.75
        latents = self._model.get_gpt_cond_latents(
            audio.to(self._device), rate, length=config.gpt_cond_len, chunk_length=config.gpt_cond_chunk_len
        )
        return latents, self._model.get_speaker_embedding(audio.to(self._device), rate)


def _noise(device: torch.device) -> torch.Tensor:
    """Where the noise of a device is."""
    state: torch.Tensor
    if device.type == "cuda":
        state = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state = torch.mps.get_rng_state()
    else:
        state = torch.get_rng_state()
    return state


def _set_noise(state: torch.Tensor, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    elif device.type == "mps":
        torch.mps.set_rng_state(state)
    else:
        torch.set_rng_state(state)


def _set_file(config: Any, key: str, file: str | list[str]) -> None:
    for section in (config, config.model_args):
        if key in section:
            section[key] = file


def _load(model: Any, config: Any, **where: Any) -> None:
    checkpoint = where["checkpoint_path"]
    try:
        model.load_checkpoint(config, eval=True, **where)
    except Exception as error:  # each layer of the libraries has errors of its own
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise InputError(
            f"{checkpoint}: expected weights that fit the config.json beside it, could not load them: {reason}"
        ) from error
