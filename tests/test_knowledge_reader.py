"""Markdown and HTML as a knowledge file holds them: what is said, what is left out, and that the rest is told."""

from __future__ import annotations

import pytest

from agent.knowledge.entry import Entry, say_left_out
from agent.knowledge.entry_builder import MOST_ROWS
from agent.knowledge.reader import read_markdown


def entries(text: str) -> tuple[Entry, ...]:
    return read_markdown(text)[0]


def said(text: str) -> list[str]:
    return [paragraph for entry in entries(text) for paragraph in entry.paragraphs]


def notice(text: str) -> str:
    return say_left_out(read_markdown(text)[1])


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Tea &amp; coffee, &euro;4&nbsp;each, &#8364;5 &quot;now&quot;.", 'Tea & coffee, €4 each, €5 "now".'),
        ("Twice &amp;amp; encoded.", "Twice & encoded."),
        ("Write to <info@example.com> or <https://example.com/map>.", "Write to info@example.com or example.com/map."),
        ("See [our *menu*](https://example.com/a_(b).pdf 'Menu') today.", "See our menu today."),
        ("See [the map][map], or [this][].\n\n[map]: https://example.com", "See the map, or this."),
        ("**Bold**, _italic_, ***both***, ~~gone~~, `code`, ``co`de``.", "Bold, italic, both, gone, code, code."),
        ("C# and snake_case, 5 * 3, and if x<y and y>z.", "C# and snake_case, 5 * 3, and if x<y and y>z."),
        ("Type `CORP\\<your name>` or <user>.", "Type CORP your name or user."),
        ("A line\\\nand another  \nand a <br> third.", "A line and another and a third."),
        ("> Quoted\n> twice.\n>> And deeper.", "Quoted twice. | And deeper."),
        ("> [!WARNING]\n> Hot!", "Hot!"),
        ("A <b>bold</b> <span class='x'>word</span><!-- hidden --> here.", "A bold word here."),
        ("Before.\n\n<!-- a\n\n# hidden\n\nb -->\n\nAfter.", "Before. | After."),
        ("Text <!-- begins\n\nand ends --> here.", "Text | here."),
        ("`<!--` begins a comment, `-->` ends it.", "begins a comment, ends it."),
        ("\\*Not emphasis\\*, \\[no link\\].", "Not emphasis, no link."),
        ("**An unclosed [link](http://exa mple.com) mark.", "An unclosed link mark."),
        ("Marhaba — “smart quotes” … 'and' more.", "Marhaba — “smart quotes” … 'and' more."),
        ("Tab\tand\u00a0blank   run.", "Tab and blank run."),
        ("Lift\n: Behind the stairs\n\nStairs\n\n: On the left.", "Lift: Behind the stairs. | Stairs: On the left."),
        ("+-----+-----+\n| Tea | two |\n+-----+-----+\n| Cup | one |", "Tea: two. Cup: one."),
        (
            "+-----+-----+\n| Who | Age |\n+=====+=====+\n| Ann | 30  |\n+-----+-----+\n| Bob | 40  |",
            "Ann: Age 30. Bob: Age 40.",
        ),
        ("| Who | Age |\n|---|---|---|\n| Ann | 30 |", "Ann: Age 30."),
    ],
)
def test_a_paragraph_is_said_without_its_marks(written: str, spoken: str) -> None:
    assert " | ".join(said(f"# A\n\n{written}\n")) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("- soup\n- apple cake\n* * *\n", "soup and apple cake."),
        ("We have:\n\n+ tea.\n+ coffee;\n", "We have: tea and coffee."),
        ("• tea\n• coffee\n", "tea and coffee."),
        ("1. Take the tram.\n2. Ring.\n", "First: Take the tram. Second: Ring."),
        ("4) Push\n5) Pull\n", "Fourth: Push. Fifth: Pull."),
        ("- Fruit\n  - apple\n  - pear\n- Bread\n", "Fruit: apple and pear. Bread."),
        ("- Nuts are in the cake.\n- Ask us, please.\n", "Nuts are in the cake. Ask us, please."),
        ("- [x] paint\n- [ ] varnish\n- [X] sand\n", "Done: paint and sand. To do: varnish."),
        ("- one\n\n  more of it\n- two\n", "one more of it and two."),
        ("<ul><li>tea<li>coffee</ul>", "tea and coffee."),
        ("<ol>\n<li>Push</li>\n<li>Pull</li>\n</ol>", "First: Push. Second: Pull."),
        ("<dl><dt>Lift</dt><dd>On the left</dd></dl>", "Lift: On the left"),
    ],
)
def test_lists_are_read_as_people_do(written: str, spoken: str) -> None:
    assert said(f"# A\n\n{written}") == [spoken]


def test_long_lists_are_said_in_pieces() -> None:
    names = [f"tree {chr(97 + number)}" for number in range(23)]
    pieces = said("# Trees\n\n" + "".join(f"- {name}\n" for name in names))
    assert len(pieces) == 3
    assert all(name in " ".join(pieces) for name in names)


FILE = """---
title: secret front matter
---
# Shop

```sh
secret code
```

Words.[^1] ![photo](cup.jpg)

[^1]: A secret note
    that goes on.

    secret second paragraph

    indented secret code

<script>secret()</script>

# Nothing here

# Questions

Q: Is there wifi?
Q: Is there a network?
A:

[map]: https://example.com
"""


def test_what_cannot_be_spoken_is_left_out_and_told() -> None:
    assert said(FILE) == ["Words."]
    assert "secret" not in str(entries(FILE))
    assert notice(FILE) == (
        "left out: a code block (line 6), an image (line 10), a footnote (line 12), an HTML script (line 19), "
        "a heading without text (line 21), a question without an answer (line 25), a link definition (line 29)"
    )


def test_a_notice_counts_what_there_are_many_of() -> None:
    text = "# A\n\nText.\n\n" + "```\nx\n```\n\n" * 7
    assert notice(text) == "left out: 7 code blocks (lines 5, 9, 13, 17, 21 …)"
    assert notice("# A\n\nText.\n") == ""


def test_what_never_ends_is_told() -> None:
    assert notice("# A\n\nText.\n\n<!-- open\n\n# B\n\nText.\n") == "left out: a comment without an end (line 5)"
    assert said("# A\n\nText.\n\n```\nnever\n\n# B\n") == ["Text."]
    assert "code block (line 5)" in notice("# A\n\nText.\n\n```\nnever\n\n# B\n")


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("---\ntitle: never\n---\n# A\n\nText.", ["Text."]),
        ("+++\ntitle = 'never'\n+++\n\nText.", ["Text."]),
        ("---\n# just a comment\nkey: never\n...\nText.", ["Text."]),
        ("---\n# Title\nText.\n\n---\n\nMore.", ["Text.", "More."]),
        ("---\n---\nText.", ["Text."]),
        ("\ufeff\n---\r\ntitle: never\r\n---\r\nText.", ["Text."]),
        ("---\n\n# A\n\nText.\n\n---\n\nMore.", ["Text.", "More."]),
        ("---\nQ: Who?\nA: Me.\n---\n", ["Me."]),
    ],
)
def test_front_matter_is_never_spoken_but_rules_are_no_front_matter(text: str, spoken: list[str]) -> None:
    assert said(text) == spoken


def test_headings_of_all_kinds() -> None:
    text = (
        "Shop\n====\n\nOpen.\n\nCellar\n---\n\nClosed.\n\n### Wine ###\n\nRed.\n\n```\n# no heading\n```\n\n"
        "<h2>Attic</h2>\n\nDusty.\n"
    )
    assert [(entry.title, entry.context) for entry in entries(text)] == [
        ("Shop", ()),
        ("Cellar", ("Shop",)),
        ("Wine", ("Shop", "Cellar")),
        ("Attic", ("Shop",)),
    ]


def test_a_rule_right_below_an_answer_makes_no_heading() -> None:
    first, second = entries("Q: Who?\nA: Me.\n---\nQ: Where?\nA: Here.\n---\n")
    assert (first.questions, first.paragraphs) == (("Who?",), ("Me.",))
    assert (second.questions, second.paragraphs) == (("Where?",), ("Here.",))


def test_questions_are_known_in_bold_in_lists_and_in_details() -> None:
    for text in (
        "**Is it free?**\n\nYes.\n",
        "- **Q:** Is it free?\n- **A:** Yes.\n",
        "### Q: Is it free?\n\nA: Yes.\n",
        "<details>\n<summary>Is it free?</summary>\n\nYes.\n\n</details>\n",
    ):
        (entry,) = entries(text)
        assert (entry.title, entry.questions, entry.paragraphs) == ("Is it free?", ("Is it free?",), ("Yes.",)), text


def test_every_pair_below_a_heading_but_its_first_has_its_own_name() -> None:
    text = "# Dogs\n\nWelcome.\n\nQ: Wifi?\nA: Yes.\n\nQ: Lift?\nA: No.\n\nQ: Bar?\nA: Upstairs.\n"
    assert [entry.title for entry in entries(text)] == ["Dogs", "Wifi?", "Lift?", "Bar?"]


def test_html_tables_are_read_like_markdown_ones() -> None:
    text = (
        "# Hours\n\n<table>\n<tr><th>Day<th>Hours\n\n<tr><td>Mon&ndash;Fri</td><td>9&ndash;18<br></td></tr>\n"
        "<tr><td>Sunday</td><td><b>closed</b></td></tr>\n</table>\n\nText.\n"
    )
    (entry,) = entries(text)
    assert entry.paragraphs == ("From Monday to Friday we are open from 9 to 18. On Sunday we are closed.", "Text.")
    assert [row.title for row in entry.rows] == ["Monday to Friday", "Sunday"]


def test_rows_beyond_the_most_are_still_said() -> None:
    count = MOST_ROWS + 50
    (entry,) = entries("# Rooms\n\n| Room | Seats |\n|-|-|\n" + "".join(f"| Hall {n} | {n} |\n" for n in range(count)))
    assert len(entry.rows) == MOST_ROWS
    assert f"Hall {count - 1}: Seats {count - 1}." in entry.paragraphs[-1]
    assert all(len(paragraph.split()) <= 70 for paragraph in entry.paragraphs)
