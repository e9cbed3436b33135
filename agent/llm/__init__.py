"""Minds: streamed replies from an OpenAI-compatible server, a Transformers model, or the knowledge file alone."""
