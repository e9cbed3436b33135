"""What is read aloud for what is written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speech.text.spoken_text import CLAUSE_PAUSE_S, SENTENCE_PAUSE_S, pause_after_s, plain_text, spoken_words


def read(text: str, language: str = "en-us") -> str:
    return " ".join(word.spoken for word in spoken_words(text, language))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("I have 3 apples.", "I have three apples."),
        ("1,234,567 samples", "one million two hundred and thirty-four thousand five hundred and sixty-seven samples"),
        ("It was -5 then", "It was minus five then"),
        ("Pi is 3.14.", "Pi is three point one four."),
        ("the 21st and the 3rd", "the twenty-first and the third"),
        ("born in 1905, not 2026", "born in nineteen oh five, not twenty twenty-six"),
        ("1500 people", "one thousand five hundred people"),
        ("the 1990s", "the nineteen nineties"),
        ("It costs $5.50.", "It costs five dollars and fifty cents."),
        ("€2 bn or £1 or $0.99", "two billion euros or one pound or ninety-nine cents"),
        ("100% or 5.5 %", "one hundred percent or five point five percent"),
        ("at 10:30", "at ten thirty"),
        ("at 9:05 am", "at nine oh five A.M"),
        ("at 10:00.", "at ten o'clock."),
        ("at 5 p.m. we go", "at five P.M we go"),
        ("on 2026-11-22", "on November twenty-second, twenty twenty-six"),
        ("on Jan. 5th, 2020", "on January fifth, twenty twenty"),
        ("on 22 November 2026", "on November twenty-second, twenty twenty-six"),
        ("call 555-1234", "call five five five, one two three four"),
        ("call +1 (555) 123-4567", "call plus one, five five five, one two three, four five six seven"),
        ("5–10 people", "five to ten people"),
        ("3-4 km/h", "three to four kilometres per hour"),
        ("1990–1999", "nineteen ninety to nineteen ninety-nine"),
        ("1/2 cup, 3/4 inch, 2½ litres", "one half cup, three quarters inch, two and a half litres"),
        ("20°C or -5 °F", "twenty degrees Celsius or minus five degrees Fahrenheit"),
        ("1 km, 25 fps", "one kilometre, twenty-five frames per second"),
        ("room 007", "room zero zero seven"),
        ("512x512", "five hundred and twelve by five hundred and twelve"),
        ("version 1.2.3", "version one point two point three"),
        ("#1", "number one"),
        ("No. 5", "Number five"),
        ("No. I don't.", "No. I don't."),
        (
            "on 22.11.2026 and 2026/11/22",
            "on November twenty-second, twenty twenty-six and November twenty-second, twenty twenty-six",
        ),
        ("It's 7pm. We go.", "It's seven P.M. We go."),
        ("9 a.m.–5 p.m., Mon.–Fri.", "nine A.M to five P.M, Monday to Friday."),
        ("they won 3:2", "they won three to two"),
        ("1 000 000 stars", "one million stars"),
        ("£3.50/kg", "three pounds and fifty pence per kilogram"),
        ("3D, 5G, a 1st-class F-16", "three D, five G, a first class F sixteen"),
        ("World War II and Henry VIII", "World War two and Henry the eighth"),
        ("10^3 * 2", "ten to the power of three times two"),
    ],
)
def test_numbers(written: str, spoken: str) -> None:
    assert read(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Dr. Smith and Mr. Jones", "Doctor Smith and Mister Jones"),
        ("fruit, e.g. apples, i.e. these", "fruit, for example apples, that is these"),
        ("apples, pears, etc.", "apples, pears, et cetera."),
        ("approx. 5 vs. 6", "approximately five versus six"),
        ("12 Oak St. in St. Louis", "twelve Oak Street in Saint Louis"),
        ("AI and an API", "A.I and an A.P.I"),
        ("NASA and the US", "NASA and the U.S"),
        ("MP4 with H.264", "M.P four with H two hundred and sixty-four"),
        ("OpenAI's friend, YouTube", "Open A.I's friend, You Tube"),
        ("McDonald's Vis-à-vis", "McDonald's veezavee"),
        ("me@example.com", "me at example dot com"),
        ("see https://www.example.com/docs?x=1.", "see example dot com slash docs."),
        ("open config.toml", "open config dot toml"),
        ("A & B, 1 + 1 = 2", "A and B, one plus one equals two"),
        ("#talk @home", "hashtag talk at home"),
        ("yes (really) and/or no", "yes, really, and or no"),
        ("Hello — you... there", "Hello, you, there"),
        ("(really!).", "really!"),
        ("IT IS VERY LOUD", "it is very loud"),
        ("at http://localhost:8080/index.html", "at localhost colon eight thousand and eighty slash index dot H.T.M.L"),
        ("on visavis.readthedocs.io/en now", "on visavis dot readthedocs dot io slash en now"),
    ],
)
def test_abbreviations_addresses_and_symbols(written: str, spoken: str) -> None:
    assert read(written) == spoken


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("**Bold** and *italic* and `code`", "Bold and italic and code"),
        ("# A heading", "A heading"),
        ("- a point\n- another", "a point another"),
        ("see [the page](https://example.com) now", "see the page now"),
        ("“Quoted” 😀 it’s", "Quoted it's"),
        ("<b>tag</b> and 2 * 3", "tag and 2 * 3"),
        ("snake_case_name stays", "snake_case_name stays"),
    ],
)
def test_marks_are_taken_out(written: str, plain: str) -> None:
    assert plain_text(written) == plain


def test_words_keep_what_was_written() -> None:
    words = spoken_words("Dr. Smith paid $5 at 10:30 am — **really**!")
    assert [word.text for word in words] == ["Dr.", "Smith", "paid", "$5", "at", "10:30 am —", "really!"]
    assert words[3].spoken == "five dollars"
    assert [word.text for word in spoken_words("STOP THAT NOW!")] == ["STOP", "THAT", "NOW!"]


def test_languages_without_a_table_and_voices_with_rules_of_their_own_keep_their_numbers() -> None:
    assert read("**Ik** heb 25 appels & 3,5 kg 😀.", "nl") == "Ik heb 25 appels & 3,5 kg."
    words = spoken_words("**Ich** habe 25 Äpfel & 3,5 kg 😀.", "de", numbers=False)
    assert " ".join(word.spoken for word in words) == "Ich habe 25 Äpfel & 3,5 kg."


@pytest.mark.parametrize("nothing", ["", "   ", "😀", "---", "***", "...", "—"])
def test_nothing_to_say(nothing: str) -> None:
    assert spoken_words(nothing) == []


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab AZ .,;:!?-–—()'\"$€%°/#&+=@*_`[]0123456789½x\n😀é"), max_size=60))
def test_any_text_is_readable(text: str) -> None:
    for word in spoken_words(text):
        assert word.text.strip()
        assert any(letter.isalnum() for letter in word.spoken)
        assert not any(digit.isascii() and digit.isdigit() for digit in word.spoken), word


def test_pauses() -> None:
    assert pause_after_s('He said "yes."') == SENTENCE_PAUSE_S
    assert pause_after_s("and then,") == CLAUSE_PAUSE_S
