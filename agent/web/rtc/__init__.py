"""One visitor's WebRTC connection: their microphone comes in, the avatar's voice and face go out on one clock."""
