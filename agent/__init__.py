"""The conversation: ears, mind, voice and face under one task group, and the command line."""
