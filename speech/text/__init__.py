"""Text normalisation: numbers, dates, markup and abbreviations become the words that are read aloud."""
