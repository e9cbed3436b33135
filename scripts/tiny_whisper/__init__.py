"""The closed-set Whisper of the tests: its sound and its network; `scripts/train_tiny_whisper.py` trains it."""
