"""The process in which eSpeak NG says one training text, fresh: run by `avatar.training.voices.espeak`.

The arguments of `speak_espeak` come on standard input as JSON; the utterance goes to standard output, pickled.
"""

from __future__ import annotations

import json
import pickle
import sys

from avatar.training.voices.espeak import speak_espeak

if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(speak_espeak(**json.load(sys.stdin))))
