"""Pictures: files, colours, light."""
