from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.knowledge.file import MAX_BYTES, MAX_PHRASES, Knowledge, load_knowledge, read_entries
from agent.knowledge.ranking import CONFIDENT
from agent.knowledge.smalltalk import SmallTalk
from agent.text.letter_to_sound import SOUNDS, phrase_sounds, word_sounds
from agent.text.phonetic_similarity import encode, similarity
from agent.text.words import tokens
from speech.errors import InputError

SHIPPED = Path(__file__).parent.parent / "agent" / "data" / "knowledge.md"

# What PocketSphinx made of these questions when Flite's voices asked them (some in noise), or mistakes of its kind.
# None is written like this in the file.
HEARD = """
what exactly is this of this -> What Visavis is
what is visa v -> What Visavis is
what is vis a vis -> What Visavis is
tell me about vis a v -> What Visavis is
can you explain what this program dollars -> What Visavis is
why do they call it a visa v -> The name Visavis
why do they call a vis a vis -> The name Visavis
how does that whole thing work -> How it works
explain why you work -> How it works
good you explain how you work -> How it works
but do your lips move -> How the face moves
i do you make the face move -> How the face moves
how do i use my own full toe -> Using your own photo
how can i put my own foe too in -> Using your own photo
can i use my own pitch her -> Using your own photo
fine want to use a picture of myself -> Using your own photo
what kind of pictures and i take -> What makes a good portrait
what kind of picture should like take -> What makes a good portrait
what makes a good poor trade -> What makes a good portrait
how can i get a different boys -> Changing the voice
can i give you an of her voice -> Changing the voice
how do i chain your voice -> Changing the voice
how can i teach you knew things -> Your own knowledge
how do i make my own college file -> Your own knowledge
are you a language mobile -> How I find answers
how do you know the answers -> How I find answers
are you recording what ice age -> Privacy
where does my data goal -> Privacy
what about my private sea -> Privacy
does it work with out internet -> Working without internet
do you need the in turn it -> Working without internet
william run on my laptop -> What computer is needed
do i need a graphic scar -> What computer is needed
how do i in stall the service -> Installation
how do i in stole visavis -> Installation
do i have to pay for a -> Price and licence
how much does it caused -> Price and licence
what is the rice -> Price and licence
can you work on soon -> Zoom and video meetings
can i use the visa v in room -> Zoom and video meetings
does this work in video falls -> Zoom and video meetings
could you stand in a museum -> Kiosk and reception
can i use it in a key ask -> Kiosk and reception
can i put your face on my row bought -> Robots
can you be the face of a row but -> Robots
turn on the living room lamb -> Lamps and smart homes
switch off the right please -> Lamps and smart homes
him you teach my children -> Teaching and tutoring
could dial our new language with you -> Teaching and tutoring
good i'll earn no language with you -> Teaching and tutoring
how can i make a video of you -> Making videos
i want it created video from a recording -> Making videos
does it make sub tight holes -> Subtitles
which language is do you speak -> Languages
how fast do you ants are -> Speed
how quickly can you and sir -> Speed
may i enter up to you -> Interrupting
what can to do -> What I can't do
tell me your limit -> What I can't do
why don't you under stand me -> When I misunderstand
what microphone do i knead -> The microphone
which mike or phone should i use -> The microphone
is this a deep fate -> The AI label
may i use the phase of another person -> Consent
how can i change the setting -> Settings
where are the sitting -> Settings
it does not work what should i do -> When something is broken
who is the person in the pitcher -> Your portrait
what is the uncanny rally -> Uncanny faces
is the face early better than text -> Why faces matter
who made the first talking mission -> The first talking machine
how often do people wink -> Blinking
why do you blank -> Blinking
could you make the moan a lisa speak -> The Mona Lisa
"""

# Questions about other things; half of them as PocketSphinx heard them.
ELSEWHERE = """
what is the capital of france
who won the world cup
how tall is mount everest
when does the next train leave
how do i bake a chocolate cake
who is the president of the united states
what is the square root of sixteen
i would like a small coffee with milk
remind me to call my mother tomorrow
how old is the brooklyn bridge
where is the nearest hospital
how many planets are there
what did you have for breakfast
set an alarm for seven o'clock
how far is the moon
when was shakespeare born
book a room
two people
how do i get to the airport
can you order a pizza
what is the population of london
why is the sky blue
who wrote romeo and juliet
i'd like a triple shot mocha with dark roast and a lot of sugar
who is the king of england
how do i cook rice
what is the fastest animal
book the table for two people
how many planets out there
who road romeo and juliet
"""


@pytest.fixture(scope="module")
def shipped() -> Knowledge:
    return load_knowledge(SHIPPED)


def pairs(table: str) -> list[tuple[str, str]]:
    return [(heard, title) for heard, _, title in (line.partition(" -> ") for line in table.strip().splitlines())]


def best_title(knowledge: Knowledge, question: str) -> str:
    hits = knowledge.search(question, 1)
    return hits[0].entry.title if hits and hits[0].score >= CONFIDENT else ""


def test_misheard_questions_find_their_answer(shipped: Knowledge) -> None:
    table = pairs(HEARD)
    assert len(table) >= 60
    assert {title for _, title in table} <= {entry.title for entry in shipped.entries}
    wrong = [(heard, title, got) for heard, title in table if (got := best_title(shipped, heard)) != title]
    assert len(wrong) <= 0.1 * len(table), wrong


def test_questions_about_other_things_find_nothing(shipped: Knowledge) -> None:
    questions = ELSEWHERE.strip().splitlines()
    answered = [(question, got) for question in questions if (got := best_title(shipped, question))]
    assert len(questions) >= 20
    assert len(answered) <= 0.05 * len(questions), answered


def test_every_question_in_the_file_finds_its_own_entry(shipped: Knowledge) -> None:
    wrong = [
        (question, entry.title)
        for entry in shipped.entries
        for question in entry.questions
        if best_title(shipped, question) != entry.title
    ]
    assert not wrong


def test_shipped_answers_can_be_spoken(shipped: Knowledge) -> None:
    assert 25 <= len(shipped.entries) <= 40
    for entry in shipped.entries:
        for paragraph in entry.paragraphs:
            assert len(paragraph.split()) <= 60, paragraph
            assert paragraph[-1] in ".!?", paragraph
            assert not set(paragraph) & set("*_`#[]|<>{}"), paragraph


CAFE = """---
title: The museum
---
# Museum

Welcome to the museum of clocks.

## Opening hours

We are open from **Tuesday to Sunday**, ten to six.

On Mondays we wind up the clocks.

## Audio guide

You get it at the [ticket desk](https://example.org), in six languages.

### Price of the audio guide

The audio guide costs three euros.

## Café

The café is on the *second* floor. We have:

- coffee
- apple cake
- `soup`

### Price of the cake

A piece of cake costs four euros.

```python
print("never spoken")
```

![a picture](never.png)

<!-- never spoken -->

Where are the toilets?
----------------------

Down the stairs, on the left.
"""


@pytest.fixture(scope="module")
def cafe() -> Knowledge:
    return Knowledge(read_entries(CAFE))


def test_headings_paragraphs_and_lists_become_entries(cafe: Knowledge) -> None:
    assert [(entry.title, entry.context) for entry in cafe.entries] == [
        ("Museum", ()),
        ("Opening hours", ("Museum",)),
        ("Audio guide", ("Museum",)),
        ("Price of the audio guide", ("Museum", "Audio guide")),
        ("Café", ("Museum",)),
        ("Price of the cake", ("Museum", "Café")),
        ("Where are the toilets?", ("Museum",)),
    ]
    assert cafe.entries[1].paragraphs == (
        "We are open from Tuesday to Sunday, ten to six.",
        "On Mondays we wind up the clocks.",
    )
    assert cafe.entries[2].paragraphs == ("You get it at the ticket desk, in six languages.",)
    assert cafe.entries[4].paragraphs == ("The café is on the second floor. We have: coffee, apple cake and soup.",)
    assert "never" not in str(cafe.entries)
    assert [entry.is_question for entry in cafe.entries] == [False] * 6 + [True]


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("when are you open", "Opening hours"),
        ("what are your opening ours", "Opening hours"),
        ("where can i get an audio guide", "Audio guide"),
        ("what is the price of the oddio guide", "Price of the audio guide"),
        ("where is the cafe", "Café"),
        ("do you have soup", "Café"),
        ("is there something in six languages", "Audio guide"),
        ("what time do you close", "Opening hours"),
        ("where is the restroom", "Where are the toilets?"),
        ("how much is a piece of cape", "Price of the cake"),
    ],
)
def test_a_file_without_questions_is_searched_too(cafe: Knowledge, question: str, title: str) -> None:
    assert best_title(cafe, question) == title


def test_the_last_topic_decides_what_it_means(cafe: Knowledge) -> None:
    after_guide = cafe.search("how much does it cost", 1, topic="Audio guide")
    after_cafe = cafe.search("how much does it cost", 1, topic="Café cake")
    assert after_guide[0].entry.title == "Price of the audio guide"
    assert after_cafe[0].entry.title == "Price of the cake"


def test_questions_and_answers_in_pairs() -> None:
    text = (
        "Q: Where is the exit?\nQ: How do I get out?\nA: Behind you.\nStill behind you.\n\nSecond.\n\n"
        "**Q:** Is it free?\n**A:** Yes.\n\nQuestion 3: Unanswered?\n"
    )
    first, second = read_entries(text)
    assert first.title == "Where is the exit?"
    assert first.questions == ("Where is the exit?", "How do I get out?")
    assert first.paragraphs == ("Behind you. Still behind you.", "Second.")
    assert (second.questions, second.paragraphs) == (("Is it free?",), ("Yes.",))


def test_pairs_below_one_heading_are_entries_of_their_own() -> None:
    entries = read_entries("# Tickets\n\nQ: How much?\nA: Five.\n\nQ: Where?\nA: Here.\n")
    assert [(entry.title, entry.context) for entry in entries] == [("Tickets", ()), ("Where?", ("Tickets",))]


def test_text_without_headings_is_known_by_its_first_words() -> None:
    (entry,) = read_entries("The lift is at the end of the hall, on your right.\n")
    assert entry.title == "The lift is at the end"


def test_phrases_are_plain_words_and_begin_with_small_talk(shipped: Knowledge, cafe: Knowledge) -> None:
    phrases = shipped.phrases()
    assert len(phrases) == len(set(phrases)) <= MAX_PHRASES
    assert "how do i use my own photo" in phrases
    assert "tell me a joke" in phrases and "tell me more" in phrases
    assert all(phrase == " ".join(tokens(phrase)) and phrase for phrase in phrases)
    assert "what are opening hours" in cafe.phrases()
    assert set(SmallTalk().phrases()) <= set(cafe.phrases())


def test_ten_thousand_entries_are_read_and_found() -> None:
    syllables = ["ba", "de", "fi", "go", "lu", "ma", "ne", "pi", "ro", "su"]
    names = ["".join(syllables[int(digit)] for digit in f"{number:04d}") for number in range(10_000)]
    knowledge = Knowledge(read_entries("".join(f"## {name}\n\nIt is about {name}.\n\n" for name in names)))
    assert len(knowledge.entries) == 10_000
    assert best_title(knowledge, f"tell me about {names[1234]}") == names[1234]
    assert len(knowledge.phrases()) <= MAX_PHRASES


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "an empty file"),
        (b" \n\t\n", "empty"),
        (b"# Only a heading\n", "no answer"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "byte 0 is not (0x89)"),
        ("# Café\n\nOpen.\n".encode("latin-1"), "byte 5 is not (0xE9)"),
        (b"# A\n\nb\x00c\n", "binary"),
        (b"\xff\xfe#\x00 \x00A", "UTF-16"),
        (b"\xef\xbb\xbf", "empty"),
        (b"# A\n\nb\n" + b"x" * MAX_BYTES, "at most 1000 kB, got"),
    ],
)
def test_unusable_files_are_refused_in_one_line(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "knowledge.md"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        load_knowledge(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "loop.md").symlink_to(tmp_path / "loop.md")
    for path, found in (
        (tmp_path / "none.md", "found nothing"),
        (tmp_path, "found a folder"),
        (tmp_path / "pipe.md", "found a pipe"),
        (tmp_path / "loop.md", "symbolic links"),
        (Path("/dev/zero"), "found a device"),
    ):
        with pytest.raises(InputError, match=found) as caught:
            load_knowledge(path)
        assert str(caught.value).startswith(f"{path}: expected a knowledge file (Markdown)")


def test_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    large, long = tmp_path / "large.md", tmp_path / "long.md"
    with large.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(InputError, match="at most 1000 kB, got 200 MB"):
        load_knowledge(large)
    long.write_text("# a\n" * 100_000)
    with pytest.raises(InputError, match="at most 30000 lines, got 100000; split it"):
        load_knowledge(long)


@pytest.mark.parametrize(
    "text",
    [
        "> " * 100_000 + "deep",
        "- " * 100_000 + "deep",
        "# A\n\nb\n\n" + "word " * 190_000,
        "[" * 50_000,
        "![" * 50_000 + "]" * 50_000,
        "`" * 50_000 + " " + "``` " * 10_000,
        "<!-- " * 50_000,
        "|a" * 5_000 + "\n" + "|-" * 5_000 + "\n" + "|\n" * 5_000,
        "&amp;" * 50_000,
        "<b " * 50_000,
        "# A\n" + " " * 500_000 + "| b",
    ],
    ids=lambda text: f"{text[:4]!r}{len(text)}",
)
def test_pathological_markdown_takes_no_time(text: str) -> None:
    began = time.process_time()
    read_entries(text)
    assert time.process_time() - began < 30.0  # a second or two; the quadratic ones would take minutes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_marked_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "knowledge.md"
    path.write_bytes("# Größe\r\n\r\nSehr groß.\r\n".encode(encoding))
    (entry,) = load_knowledge(path).entries
    assert (entry.title, entry.paragraphs) == ("Größe", ("Sehr groß.",))


MARKDOWN = st.text(st.sampled_from("#-*=_`~|:.?!QA1> \n\t[]()<!é語\u0301ab")) | st.text()


@settings(max_examples=150, deadline=None)
@given(MARKDOWN, st.text())
def test_any_text_is_read_and_searched(text: str, question: str) -> None:
    entries = read_entries(text)
    assert all(entry.title and entry.paragraphs and all(entry.paragraphs) for entry in entries)
    if entries:
        knowledge = Knowledge(entries)
        scores = [hit.score for hit in knowledge.search(question, 3, topic=question[:20])]
        assert scores == sorted(scores, reverse=True) and all(0 < score <= 1 for score in scores)
        knowledge.phrases()


def test_alike_words_sound_alike() -> None:
    def alike(first: str, second: str) -> float:
        patterns, texts = encode([phrase_sounds(first.split())]), encode([phrase_sounds(second.split())])
        return float(similarity(patterns, texts)[0])

    assert word_sounds("weather") == word_sounds("whether")
    assert word_sounds("knight") == word_sounds("night")
    for first, second in (("visavis", "vis a vis"), ("kiosk", "key ask"), ("flower", "flour"), ("phase", "face")):
        assert alike(first, second) > 0.85, (first, second)
    for first, second in (("photo", "full toe"), ("zoom", "soon"), ("portrait", "poor trade")):
        assert alike(first, second) > 0.6, (first, second)
    for first, second in (("photo", "robot"), ("privacy", "weather"), ("zoom", "kiosk")):
        assert alike(first, second) < 0.4, (first, second)


@given(st.text(), st.text())
def test_likeness_is_a_likeness(first: str, second: str) -> None:
    one, other = (phrase_sounds(tokens(text)) for text in (first, second))
    assert set(one) <= set(SOUNDS)
    there, back = (similarity(encode([a]), encode([b]))[0] for a, b in ((one, other), (other, one)))
    assert there == pytest.approx(back, abs=1e-4) and there <= 1.0
    assert similarity(encode([one]), encode([one]))[0] == pytest.approx(1.0)
    if one:
        inside = similarity(encode([one]), encode([other + one + other]), anywhere=True)
        assert inside[0] == pytest.approx(1.0)


def test_padding_changes_no_likeness() -> None:
    words = ["photo", "portrait", "a"]
    together = similarity(encode([phrase_sounds([word]) for word in words]), encode([phrase_sounds(["potato"])]))
    potato = encode([phrase_sounds(["potato"])])
    alone = [float(similarity(encode([phrase_sounds([word])]), potato)[0]) for word in words]
    assert together.tolist() == pytest.approx(alone, abs=1e-5)
