"""Whatever is in a knowledge file: it is read, nothing of its marks is spoken, and every answer is words."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from agent.conversation.history import History
from agent.knowledge.file import Knowledge
from agent.knowledge.reader import read_markdown
from agent.llm.knowledge_file import KnowledgeLLM
from tests.fuzzing import examples

MARKUP = re.compile(
    r"<!--|-->|```|`|\*\*|__|~~|\]\(|\[\^|\||[\[\]{}]|</?(?:p|b|i|br|td|table|script|span|div)\b[^<>]*>"
    r"|&(?:#\d+|#[xX][0-9a-fA-F]+|amp|lt|gt|euro|nbsp|quot);"
)
SECRET = "zyzzyva"

MARKS = st.sampled_from(
    """# ## === --- *** * ** _ __ ~~ ` ``` ~~~ > >> - + 1. 2) [ ] ( ) ![ ]( <https://a.b> <a@b.de> <b> </b> <br> <table>
    <tr> <td> </table> <div> </div> <ul> <li> </ul> <details> <summary> </summary> </details> <script> </script>
    <x> x<y y>z &amp; &#8364; &nbsp; &amp;lt; &bogus; \\ \\* | |- |:-:| Q: A: **Q:** : [^1] [^1]: ^[ [x] [ ] [a]: ---
    +++ == Monday Mon-Fri 9-18 closed €4 free Price Open Close <!-- --> <!--a-->
    {} $ $$ = % @ café é 語 🙂 \ufeff \u200b""".split()
)
BLANKS = st.sampled_from(
    [
        " ",
        "\n",
        "\n\n",
        "\n    ",
        "\t",
        "\n| ",
        " | ",
        "\n- ",
        "\n  - ",
        "\n1. ",
        "\n> ",
        "\n# ",
        "\r\n",
        "  \n",
        "\u2028",
    ]
)
WORDS = st.text("abcdefgh", min_size=1, max_size=6)
MARKDOWN = st.lists(st.one_of(MARKS, BLANKS, WORDS), max_size=60).map("".join) | st.text(max_size=200)
TABLES = st.builds(
    lambda header, rows: "# Hours\n\n" + "\n".join(["|".join(row) for row in (header, ["-"] * len(header), *rows)]),
    st.lists(st.one_of(MARKS, WORDS), min_size=1, max_size=4),
    st.lists(st.lists(st.one_of(MARKS, WORDS, st.just("")), max_size=5), max_size=6),
)
QUESTIONS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["when are you open today", "tell me more", "how much is it", "Monday", "Hey Mira"]),
)


def everything_said(text: str) -> list[str]:
    entries, _ = read_markdown(text)
    answers = [*entries, *(row for entry in entries for row in entry.rows)]
    return [
        part for one in answers for part in (one.title, *one.questions, *one.context, *one.paragraphs, *one.mentions)
    ]


@examples(200)
@given(MARKDOWN | TABLES)
@example("Q: \nA: **")
@example("# &amp;amp;amp;amp;lt;b&amp;gt;")
@example("|a|\n|-|\n|`|`|")
def test_any_markdown_is_read_and_none_of_it_is_spoken(text: str) -> None:
    entries, left_out = read_markdown(text)
    for entry in (*entries, *(row for one in entries for row in one.rows)):
        assert entry.title and entry.paragraphs and all(map(str.strip, entry.paragraphs))
    for said in everything_said(text):
        assert "\n" not in said and not MARKUP.search(said), said
    assert all(1 <= one.line <= text.count("\n") + text.count("\r") + 1 for one in left_out)


@examples(60)
@given(MARKDOWN | TABLES, QUESTIONS, QUESTIONS)
def test_any_file_is_answered_from(text: str, first: str, second: str) -> None:
    entries, left_out = read_markdown(text)
    if not entries:
        return
    knowledge = Knowledge(entries, left_out)
    assert "\n" not in knowledge.notice
    mind, history = KnowledgeLLM(knowledge), History()
    for asked in (first, second):
        reply = mind.reply(history.messages(), asked)
        assert reply.strip() and not MARKUP.search(reply)
        history.add_user(asked)
        history.add_assistant(reply, False)
    assert all(phrase == phrase.strip() for phrase in knowledge.phrases("Mira"))


@examples(100)
@given(MARKDOWN.filter(lambda text: "`" not in text and "~~~" not in text and "<!" not in text and "\\" not in text))
def test_front_matter_and_comments_are_never_spoken(text: str) -> None:
    hidden = f"---\ntitle: {SECRET}\n---\n{text}\n\n<!-- {SECRET}\n\n# {SECRET}\n--> {text} <!--{SECRET}-->"
    assert not any(SECRET in said for said in everything_said(hidden))


@examples(8)
@given(st.lists(st.one_of(MARKS, BLANKS), min_size=1, max_size=4).map("".join))
def test_any_pattern_can_be_repeated(pattern: str) -> None:
    """What takes quadratic time would hang here; the deadline says so."""
    read_markdown(pattern * (20_000 // len(pattern)))
