"""Model weights: which there are, which of them are here, which one a backend gets; downloading and checking them.

What there is: `catalogue` (to be fetched; `piper_catalogue` has the voices of Piper) and `packaged_catalogue` (what
travels in packages). What of it is here: `fetched` and `packaged`. `weights` chooses among both, for a backend.

`fetch` brings a model: `listing` asks its source for the files, `download` receives each of them from one of
`download_sources`, and a `manifest` says afterwards what is in the folder. `checksums` and `conversion_cache` remember
what was checked and made before.
"""
