"""Makes a contact sheet of a recorded conversation: its pictures in a row, with what the person does and what is said.

    python -m scripts.contact_sheet talk.mp4 -o sheet.png
    python -m scripts.contact_sheet talk.mp4 -o sheet.png --every 0.4 --columns 10 --start 2 --end 12

Beside the video lies the .jsonl file that `visavis talk --record` and `visavis ask` write.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

CELL_PX, CAPTION_PX = 224, 44
COLOURS = {"idle": "#8a8a8a", "listening": "#3f8f4f", "thinking": "#b98a1e", "speaking": "#2f6fa8"}


def state_at(turns: list[dict[str, Any]], at_s: float) -> tuple[str, str]:
    """What the person does at a time of the recording, and the words that go with it."""
    for turn in turns:
        start_s, end_s, sentences = turn["question_start_s"], turn["question_end_s"], turn["sentences"]
        if start_s is not None and start_s <= at_s < end_s:
            return "listening", f"“{turn['question']}”"
        if sentences and end_s is not None and end_s <= at_s < sentences[0]["start_s"]:
            return "thinking", ""
        for sentence in sentences:
            if sentence["start_s"] <= at_s < sentence["end_s"]:
                words = sentence["text"].split()
                share = (at_s - sentence["start_s"]) / (sentence["end_s"] - sentence["start_s"])
                middle = int(share * len(words))
                return "speaking", " ".join(words[max(0, middle - 1) : middle + 3])
    return "idle", ""


def contact_sheet(video: Path, *, every_s: float, columns: int, start_s: float, end_s: float) -> Image.Image:
    """Draws the sheet."""
    lines = video.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
    turns = [json.loads(line) for line in lines]
    cells: list[tuple[float, Image.Image]] = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            at_s = float(frame.time or 0.0)
            if start_s + len(cells) * every_s <= at_s < end_s:
                cells.append((at_s, frame.to_image().resize((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)))
    rows = int(np.ceil(len(cells) / columns))
    sheet = Image.new("RGB", (columns * CELL_PX, rows * (CELL_PX + CAPTION_PX)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(13)
    for number, (at_s, picture) in enumerate(cells):
        left, top = number % columns * CELL_PX, number // columns * (CELL_PX + CAPTION_PX)
        sheet.paste(picture, (left, top))
        state, words = state_at(turns, at_s)
        draw.rectangle((left, top + CELL_PX, left + CELL_PX, top + CELL_PX + 4), COLOURS[state])
        draw.text((left + 4, top + CELL_PX + 7), f"{at_s:.2f} s  {state}", COLOURS[state], font)
        draw.text((left + 4, top + CELL_PX + 24), words[:34], "black", font)
    return sheet


def main() -> None:
    """Reads the arguments and writes the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--every", type=float, default=0.4, help="seconds between pictures")
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--start", type=float, default=0.0, help="seconds")
    parser.add_argument("--end", type=float, default=1e9, help="seconds")
    options = parser.parse_args()
    sheet = contact_sheet(
        options.video, every_s=options.every, columns=options.columns, start_s=options.start, end_s=options.end
    )
    sheet.save(options.output)


if __name__ == "__main__":
    main()
