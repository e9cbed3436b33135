"""Lists and tables as a person reads them out; text in, text out."""
