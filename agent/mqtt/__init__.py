"""The bridge to an MQTT broker."""
