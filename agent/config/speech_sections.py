"""The settings of hearing, thinking and speaking."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from agent.config.section import LONGEST_TEXT, BackendName, Device, FilePath, ModelName, Section


class EarsSection(Section):
    """How it listens.

    Attributes:
        backend: the speech recogniser, one of `agent.backends.ears.EARS` or of an installed package.
        model: its model: a name that `visavis fetch` knows, or the path of one; "" for the backend's default.
        language: of the speech, such as "en" or "de"; "" lets Whisper find out.
        device: what computes: "auto" takes a GPU where there is one.
        vad_threshold: probability of speech above which the voice detector says "speech".
        end_of_turn_s: seconds of silence that end the user's turn; what they are multiplied by is up to `endpointing`.
        endpointing: "adaptive" goes by words, sound and the user's pauses, "fixed" always waits `end_of_turn_s`.
        speculate_after_s: seconds of silence after which an answer is prepared, to be thrown away if the user goes on.
        min_speech_s: seconds of speech below which a sound is not a turn.
        barge_in_s: seconds of the user's voice that silence the avatar, where the microphone is open meanwhile.
        bias_to_knowledge: whether the words of the knowledge file, and of a lesson, are expected more.
    """

    backend: BackendName = "auto"
    model: ModelName = ""
    language: Annotated[str, Field(max_length=20)] = "en"
    device: Device = "auto"
    vad_threshold: Annotated[float, Field(ge=0.05, le=0.95)] = 0.5
    end_of_turn_s: Annotated[float, Field(ge=0.1, le=5.0)] = 0.6
    endpointing: Literal["adaptive", "fixed"] = "adaptive"
    speculate_after_s: Annotated[float, Field(ge=0.09, le=5.0)] = 0.1
    min_speech_s: Annotated[float, Field(ge=0.03, le=2.0)] = 0.2
    barge_in_s: Annotated[float, Field(ge=0.03, le=2.0)] = 0.1
    bias_to_knowledge: bool = True


class ListeningSection(Section):
    """What it shows and says before there is an answer.

    Attributes:
        sounds: small sounds ("mm-hm") at the pauses of a long turn of yours.
        filler_after_s: seconds of silence after which it says that it thinks; 0 never.
        ask_back_below: of words of which the recogniser is less sure than this, 0 to 1, it asks whether you said them;
            0 never. Chosen by benchmarks/misheard.py: so that what Whisper tiny.en heard rightly is not asked about.
    """

    sounds: bool = False
    filler_after_s: Annotated[float, Field(ge=0.0, le=20.0)] = 1.2
    ask_back_below: Annotated[float, Field(ge=0.0, le=1.0)] = 0.25


class MindSection(Section):
    """What it knows and remembers.

    Attributes:
        backend: where replies come from, one of `agent.backends.minds.MINDS` or of an installed package.
        model: of a language model: a name that `visavis fetch` or the server knows, or a folder; "" for the default.
        device: what computes: "auto" takes a GPU where there is one.
        base_url: of an OpenAI-compatible server, such as "http://127.0.0.1:11434/v1" (Ollama).
        api_key_env: environment variable that holds the server's key; the key itself is never in this file.
        persona: who it is, in a few sentences, for a language model; "" for the shipped persona.
        temperature: of a language model: 0 always says the likeliest, higher varies.
        max_tokens: longest reply of a language model, tokens.
        seed: of a language model on this computer: the same seed gives the same conversation the same replies.
        chat: whether a language model chats where the knowledge file has no answer.
        knowledge: Markdown file of what it knows; None for the shipped one.
        name: what it calls itself; "" for the shipped portrait's own name.
        max_history_turns: turns of the conversation that it keeps in mind.
    """

    backend: BackendName = "auto"
    model: ModelName = ""
    device: Device = "auto"
    base_url: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    api_key_env: Annotated[str, Field(max_length=100)] = "OPENAI_API_KEY"
    persona: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    temperature: Annotated[float, Field(ge=0.0, le=2.0)] = 0.6
    max_tokens: Annotated[int, Field(ge=8, le=4096)] = 220
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    chat: bool = False
    knowledge: FilePath = None
    name: Annotated[str, Field(max_length=40)] = ""
    max_history_turns: Annotated[int, Field(ge=1, le=1000)] = 20


class VoiceSection(Section):
    """How it speaks.

    Attributes:
        backend: the synthesiser, one of `agent.backends.voices.VOICES` or of an installed package.
        voice: its voice, such as "en-us+f3" (eSpeak NG), "slt" (Flite) or a speaker (Coqui, Piper), with or without
            its engine ("pico:de-DE"); or a language, "fr"; "" for the portrait's.
        model: of a neural voice: a name that `visavis fetch` knows, or a folder (Piper: an .onnx file); "" for the
            backend's default.
        language: that it speaks, such as "en" or "en-gb".
        device: what computes: "auto" takes a GPU where there is one.
        sample: recording of the voice that XTTS is to speak with; None for one of its own speakers.
        rate_wpm: words a minute.
        pitch: 0 to 99, 50 is the voice's own (eSpeak NG only).
        volume: ratio, 1 is the voice's own.
    """

    backend: BackendName = "auto"
    voice: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""
    model: ModelName = ""
    language: Annotated[str, Field(max_length=20)] = "en"
    device: Device = "auto"
    sample: FilePath = None
    rate_wpm: Annotated[int, Field(ge=80, le=300)] = 165
    pitch: Annotated[int, Field(ge=0, le=99)] = 50
    volume: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0
