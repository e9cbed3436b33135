"""The motion sampler: audio features in, motion vectors out, by flow matching in blocks; gaze, blinks, nods."""
