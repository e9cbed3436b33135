"""Settings: the sections and keys of config.toml, where each value comes from, and how it is checked."""
