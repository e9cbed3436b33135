"""The MQTT bridge: commands in; states, transcripts, replies and motion out (docs/mqtt.md)."""
