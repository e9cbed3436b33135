"""The tests' tiny Whisper (see scripts/train_tiny_whisper.py), unpacked and converted for the real libraries."""

from __future__ import annotations

import json
import lzma
import warnings
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent / "data"
SENTENCES = tuple((DATA / "tiny-whisper-sentences.txt").read_text(encoding="utf-8").splitlines())
"""All that it knows; the voices that it knows are in scripts/tiny_whisper/sound.py."""

# How transformers calls what openai-whisper calls otherwise.
_RENAMED = {
    "blocks": "layers",
    "mlp.0": "fc1",
    "mlp.2": "fc2",
    "mlp_ln": "final_layer_norm",
    "cross_attn_ln": "encoder_attn_layer_norm",
    "attn_ln": "self_attn_layer_norm",
    "cross_attn.": "encoder_attn.",
    ".attn.": ".self_attn.",
    ".query": ".q_proj",
    ".key": ".k_proj",
    ".value": ".v_proj",
    "attn.out": "attn.out_proj",
    "decoder.ln.": "decoder.layer_norm.",
    "ln_post": "layer_norm",
    "positional_embedding": "embed_positions.weight",
    "token_embedding": "embed_tokens",
}


def openai_checkpoint(folder: Path) -> Path:
    """The checkpoint as openai-whisper publishes its own; unpacked into the folder once."""
    path = folder / "tiny-whisper-en.pt"
    if not path.is_file():
        path.write_bytes(lzma.decompress((DATA / "tiny-whisper-en.pt.xz").read_bytes()))
    return path


def ctranslate2_folder(folder: Path) -> Path:
    """The same model as faster-whisper wants it; converted into the folder once, which takes some seconds."""
    converted = folder / "tiny-whisper-en-ct2"
    if converted.is_dir():
        return converted
    from ctranslate2.converters.transformers import WhisperLoader
    from transformers import PreTrainedTokenizerFast

    tokenizer = _tokenizer()
    spec = WhisperLoader()(_transformers_model(folder), PreTrainedTokenizerFast(tokenizer_object=tokenizer))
    spec.validate()
    spec.optimize(quantization="float16")
    converted.mkdir()
    spec.save(str(converted))
    tokenizer.save(str(converted / "tokenizer.json"))
    (converted / "preprocessor_config.json").write_text(json.dumps({"feature_size": 80}), encoding="utf-8")
    return converted


def _transformers_model(folder: Path) -> Any:
    import torch
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    checkpoint = torch.load(openai_checkpoint(folder), weights_only=True)
    dims = checkpoint["dims"]
    config = WhisperConfig(
        vocab_size=dims["n_vocab"],
        num_mel_bins=dims["n_mels"],
        d_model=dims["n_audio_state"],
        encoder_layers=dims["n_audio_layer"],
        encoder_attention_heads=dims["n_audio_head"],
        encoder_ffn_dim=4 * dims["n_audio_state"],
        decoder_layers=dims["n_text_layer"],
        decoder_attention_heads=dims["n_text_head"],
        decoder_ffn_dim=4 * dims["n_text_state"],
        max_source_positions=dims["n_audio_ctx"],
        max_target_positions=dims["n_text_ctx"],
    )
    model = WhisperForConditionalGeneration(config)
    weights = {}
    for name, value in checkpoint["model_state_dict"].items():
        for old, new in _RENAMED.items():
            name = name.replace(old, new)
        weights[name] = value.float()
    model.model.load_state_dict(weights)
    model.tie_weights()
    return model.eval()


def _tokenizer() -> Any:
    """The tokenizer that openai-whisper holds, in the format of the tokenizers package."""
    import whisper
    from transformers.convert_slow_tokenizer import TikTokenConverter
    from whisper.tokenizer import get_encoding

    with warnings.catch_warnings(action="ignore", category=ResourceWarning):  # it leaves its file to be collected
        encoding = get_encoding("gpt2")
    special = sorted(encoding.special_tokens_set, key=encoding.encode_single_token)
    ranks = Path(whisper.__file__).parent / "assets" / "gpt2.tiktoken"
    return TikTokenConverter(vocab_file=str(ranks), pattern=encoding._pat_str, extra_special_tokens=special).converted()
