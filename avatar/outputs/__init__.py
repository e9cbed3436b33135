"""Outputs of frames and sound: video file, virtual camera, window, motion CSV, MQTT."""
