"""Sound and video files in any format to mono samples; WAV and other files written whole or not at all."""
