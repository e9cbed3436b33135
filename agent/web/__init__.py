"""The avatar on a web page: many visitors, each with a conversation of their own, over WebRTC."""
