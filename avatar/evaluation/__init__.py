"""Measures of motion: lips, timing, blinks, gaze and head, beside baselines and published bands."""
