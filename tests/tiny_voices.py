"""Tiny Coqui voices with random weights, made by the real library: noise, but the whole real path.

They are random because no package has weights of Coqui's: real ones have to be fetched. The library is imported in a
process of its own (its warnings are not this project's), which makes all of them at once, because importing it takes
longer than that. The same seed makes the same voices.
"""

from __future__ import annotations

import fcntl
import functools
import subprocess
import sys
from pathlib import Path

SPEAKERS = ("ada", "jonas", "mira")
"""The speakers of the models that have several."""
XTTS_SPEAKERS = ("Ada Byron", "Jonas Berg")
_VITS = {(False, False): "vits", (True, False): "vits-speakers", (False, True): "vits-phonemes"}
"""By whether it has speakers, and whether it reads phonemes."""
VITS_RATE_HZ = 22_050
XTTS_RATE_HZ = 24_000


def tiny_vits(folder: Path, *, speakers: bool = False, phonemes: bool = False) -> Path:
    """A VITS voice of about 2 MB.

    Args:
        folder: where voices are kept; made once, found again later.
        speakers: whether it has `SPEAKERS`, their names in a file of their own as in Coqui's published voices.
        phonemes: whether it reads phonemes, for which it needs the program espeak-ng; else letters.
    """
    return _made(folder) / _VITS[speakers, phonemes]


def tiny_xtts(folder: Path) -> Path:
    """An XTTS voice (46 MB: the sizes of its sound decoder and speaker encoder are fixed) with `XTTS_SPEAKERS`."""
    return _made(folder) / "xtts"


def _made(folder: Path) -> Path:
    with (folder / "voices.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        voices = folder / "voices"
        if not (voices / "done").is_file():
            command = [sys.executable, "-m", "tests.tiny_voices", str(voices)]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent
            )
            assert done.returncode == 0, done.stderr
    return voices


def _make_vits(folder: Path, speakers: bool, phonemes: bool) -> None:
    import json

    import torch
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits

    config = VitsConfig(
        use_phonemes=phonemes,
        phonemizer="espeak" if phonemes else None,
        phoneme_language="en-us" if phonemes else None,
        text_cleaner="english_cleaners",
        run_eval=False,
    )
    sizes = config.model_args
    sizes.hidden_channels = 32
    sizes.hidden_channels_ffn_text_encoder = 64
    sizes.num_layers_text_encoder = sizes.num_layers_flow = sizes.num_layers_posterior_encoder = 2
    sizes.upsample_initial_channel_decoder = 32
    sizes.use_sdp = sizes.init_discriminator = False
    if speakers:
        names = folder / "speaker_ids.json"
        names.write_text(json.dumps({name: number for number, name in enumerate(SPEAKERS)}))
        config.use_speaker_embedding = sizes.use_speaker_embedding = True
        config.speakers_file = sizes.speakers_file = str(names)
        sizes.speaker_embedding_channels = 16
    model = Vits.init_from_config(config)
    with torch.no_grad():  # else every symbol would last one frame; in a trained voice, they differ by their phonemes
        model.duration_predictor.proj.bias.fill_(1.2)
        model.duration_predictor.proj.weight.mul_(3.0)
    torch.save({"model": model.state_dict()}, folder / "model_file.pth")
    if speakers:  # published voices name the file by its place on the machine that trained them
        config.speakers_file = sizes.speakers_file = "/training/speaker_ids.json"
    config.save_json(str(folder / "config.json"))


def _make_xtts(folder: Path) -> None:
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.trainers import BpeTrainer
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    tokenizer = Tokenizer(BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    special = ["[STOP]", "[UNK]", "[SPACE]", "[en]", "[START]"]
    letters = list("abcdefghijklmnopqrstuvwxyz.,!?' ")
    trainer = BpeTrainer(vocab_size=120, special_tokens=special, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator(["hello there this is a test of the voice"] * 10, trainer)
    tokenizer.save(str(folder / "vocab.json"))
    config = XttsConfig()
    sizes = config.model_args
    sizes.gpt_layers, sizes.gpt_n_model_channels, sizes.gpt_n_heads, sizes.decoder_input_dim = 2, 64, 2, 64
    sizes.gpt_num_audio_tokens, sizes.gpt_start_audio_token, sizes.gpt_stop_audio_token = 66, 64, 65
    sizes.gpt_max_audio_tokens = 32  # it never learnt to stop: every sentence has them all, in two pieces
    sizes.gpt_code_stride_len = 512  # each of them half as long as in the published one: decoding is what takes time
    sizes.gpt_use_perceiver_resampler = True
    sizes.gpt_number_text_tokens = max(tokenizer.get_vocab().values()) + 1
    sizes.gpt_start_text_token = tokenizer.token_to_id("[START]")
    sizes.gpt_stop_text_token = tokenizer.token_to_id("[STOP]")
    model = Xtts(config)
    torch.save({"model": {key: value.half() for key, value in model.state_dict().items()}}, folder / "model.pth")
    speakers = {
        name: {"gpt_cond_latent": torch.randn(1, 32, 64), "speaker_embedding": torch.randn(1, 512, 1)}
        for name in XTTS_SPEAKERS
    }
    torch.save(speakers, folder / "speakers_xtts.pth")
    config.save_json(str(folder / "config.json"))


def _main() -> None:
    import torch

    torch.set_num_threads(1)
    target = Path(sys.argv[1])
    makers = {
        name: functools.partial(_make_vits, speakers=speakers, phonemes=phonemes)
        for (speakers, phonemes), name in _VITS.items()
    }
    for name, make in {**makers, "xtts": _make_xtts}.items():
        torch.manual_seed(0)
        (target / name).mkdir(parents=True, exist_ok=True)
        make(target / name)
    (target / "done").touch()


if __name__ == "__main__":
    _main()
