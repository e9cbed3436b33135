"""The geometry of a face: MediaPipe's landmark indices, the face plane, head pose and rotation, warps."""
