"""Speech and sound: devices, files, voice activity, recognition, text as it is read aloud, synthesis."""

import os

# ONNX Runtime reports to its makers what it loads (on Linux from version 1.29 on), and so do Hugging Face's packages.
# Nothing of a conversation leaves this computer: these are read when the packages are first imported.
for _variable in ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK"):
    os.environ.setdefault(_variable, "1")
