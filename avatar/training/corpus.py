"""Text to train on: written and generated here, covering the English phonemes in many contexts, and other languages.

Sentences come from three sources: written ones in a conversational tone, a small grammar that combines word lists
chosen for their sounds, and lists of words (counting, spelling, commands) that people also say.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

WRITTEN: tuple[str, ...] = (
    "Hello, it's lovely to meet you.",
    "Good morning! How may I help you today?",
    "I'm not sure about that, but I can find out for you.",
    "Would you mind saying that once more, please?",
    "My favourite part of the museum is probably the map room on the third floor.",
    "Please bring both blankets back before the bus leaves.",
    "We open at nine every morning, except on public holidays.",
    "Five very brave firefighters saved the whole village.",
    "The weather was awful, so we stayed home and watched the rain.",
    "She thought that the other three paths were smoother than this one.",
    "You should choose whichever chair you wish.",
    "A pure white owl flew low over the quiet water.",
    "Who would have guessed that he could juggle?",
    "Put the book on the wooden table by the window.",
    "Measure the garage before you buy a bigger car.",
    "The boy enjoyed the noise of the coins in his toy box.",
    "Our house is about an hour south of the town.",
    "I hope the old boat won't float too close to those rocks.",
    "Few people knew that the music was new.",
    "Her first word was bird, and her third was turtle.",
    "What time is it? It's a quarter past seven.",
    "Be careful, the steps are steep and a bit slippery.",
    "That's a wonderful idea. Let's begin right away!",
    "Maybe Pamela or Bob may remember the number.",
    "Oh, I see what you mean now.",
    "Well, to be honest, I have never thought about it before.",
    "The baby's bib is blue, and mum's bag is purple.",
    "Every evening the family gathered for a very fine feast.",
    "Thank you, that is extremely thoughtful of you.",
    "There's nothing better than fresh bread with butter and jam.",
    "We could walk along the river, or we could take the tram.",
    "No problem at all, take your time.",
    "I apologise for the trouble; it won't happen again.",
    "Have you ever wondered why the sky is blue?",
    "The judge asked the jury to imagine a large orange bridge.",
    "Six thick thistle sticks, and then some.",
    "He gave me a big hug and laughed out loud.",
    "Push the heavy door, don't pull it.",
    "Around the corner there is a pharmacy and a small bakery.",
    "How are you feeling this afternoon?",
    "I'd love to hear more about your plans for the summer.",
    "Wait a moment, somebody's knocking at the door.",
    "All the apples in that basket are for the school.",
    "Give them my best wishes, will you?",
    "It is impossible to improve the map without a compass.",
    "The shop sells shoes, shirts, and a few fashionable shawls.",
    "Yesterday a yellow yacht arrived in the harbour.",
    "Can you imagine how happy she was?",
    "That would be the very last piece of the puzzle.",
    "If you go left at the lights, you'll see it straight ahead.",
    "Mhm, yes, of course. Go on.",
    "Wow! I did not expect that at all.",
    "The moon moved slowly over the smooth blue pool.",
    "Pack my box with five dozen jugs of liquid soap.",
    "A big black bug bit a big brown bear.",
    "Father's farm was far from the park.",
    "The cat sat on a mat and had a nap.",
    "Get ten red pens ready for the test.",
    "Keep these three green leaves, please.",
    "We will swim when the wind is still.",
    "Caught in a storm, Paul saw the broad lawn fall apart.",
    "Good cooks should look for good books.",
    "Love comes from above, my young son.",
    "Time flies when you're trying to find five white mice.",
    "How now, brown cow, down in the town.",
    "Say they may play in the rain all day.",
    "Share the pear with care, if you dare.",
    "Here we hear that the pier is near.",
    "Poor tourists toured the moor for sure.",
)

_SUBJECTS = (
    "my brother", "the teacher", "a young woman", "everybody", "the boss", "our neighbour", "the people", "you and I",
    "the whole family", "that farmer", "a wise old man", "Bob", "Emma", "the judge", "the visitors", "a few of them",
    "somebody", "the shopkeeper", "both of us", "the prime minister", "those children", "Thomas", "Rebecca", "the band",
)  # fmt: skip
_VERBS = (
    "brought", "remembered", "wants to buy", "will have to move", "should watch", "used to love", "may choose",
    "put away", "forgot", "found", "showed us", "talked about", "asked for", "could never imagine", "was happy with",
    "threw out", "likes", "painted", "opened", "lost", "would rather have", "measured", "carried", "knew", "hid", "saw",
)  # fmt: skip
_OBJECTS = (
    "the big blue boat", "a bowl of fresh fruit", "the paper map", "five purple shirts", "the old piano", "a warm bath",
    "the third chapter", "some new shoes", "the garden behind the house", "an awful noise", "the television",
    "a beautiful view", "the wrong number", "a cup of coffee", "your umbrella", "the broken bottle", "this whole thing",
    "the orange juice", "a very thick book", "the yellow lamp", "that funny joke", "the moon over the water",
    "a pair of gloves", "the first few words", "my mother's ring", "a loaf of bread", "the weather", "chess and cards",
)  # fmt: skip
_ENDINGS = (
    "this morning", "before lunch", "for a while", "without a word", "at the market", "in the village", "every evening",
    "because of the rain", "by the river", "on Wednesday", "when the bus arrived", "with both hands", "so far", "again",
    "after the show", "from the beginning", "in the middle of the room", "for the last time", "if you ask me", "",
)  # fmt: skip
_OPENINGS = (
    "", "", "", "Well, ", "I think ", "You know, ", "Of course ", "Maybe ", "Yesterday ", "As far as I know, ", "Oh, ",
    "I hope ", "Apparently ", "Believe me, ", "To be fair, ", "In fact, ", "No, ", "Yes, ", "Why, ", "Perhaps ",
)  # fmt: skip

_CONSONANTS = "p b m f v th t d n l s z sh ch j k g r w y h".split()
_RHYMES = "ay ee y ow oo ah aw oy air eer ing ap eb im op ub ave eef ive ove oom atch esh ith ar or erm owl oil".split()

_WORDS = (
    "apple baby coffee dinner elephant family garden happy island judge kitchen lemon mother number office paper "
    "question river summer table umbrella village window yellow zebra bubble puppy mama papa maybe before above five "
    "seven eleven twelve thousand million red blue green white black north south east west left right stop start "
    "please thanks hello goodbye yes no maybe move bring push pull open close bath thumb mouth bishop father whisper "
    "wave leaf beef brave move love film bump lamp jump camp tempo robin ribbon cabin public problem probably member"
).split()

OTHER_LANGUAGES: dict[str, tuple[str, ...]] = {
    "de": (
        "Guten Morgen, wie geht es Ihnen heute?",
        "Meine Mutter möchte ein paar frische Brötchen kaufen.",
        "Über den Bergen scheint schon wieder die Sonne.",
        "Wir fahren am Mittwoch mit dem Bus nach Hamburg.",
        "Das Museum öffnet um neun Uhr und schließt um fünf.",
        "Vielen Dank für Ihre freundliche Hilfe.",
        "Der Apfelbaum im Garten blüht besonders schön.",
        "Ich weiß nicht, ob er morgen kommen kann.",
    ),
    "fr": (
        "Bonjour, comment allez-vous ce matin?",
        "Mon père aime beaucoup les pommes du jardin.",
        "Nous avons vu un beau bateau bleu sur le fleuve.",
        "Je voudrais une tasse de café, s'il vous plaît.",
        "Le musée ferme à cinq heures du soir.",
        "Il fait très beau, mais un peu froid pour la saison.",
        "Peux-tu ouvrir la fenêtre, s'il te plaît?",
    ),
    "es": (
        "Buenos días, me alegro mucho de verte.",
        "Mi abuelo vive en un pueblo pequeño cerca del mar.",
        "Por favor, pon los platos sobre la mesa.",
        "Mañana vamos a comprar fruta y verdura en el mercado.",
        "El museo abre todos los días a las nueve.",
        "Nunca había visto una luna tan bonita.",
    ),
    "it": (
        "Buongiorno, come posso aiutarla?",
        "Mia mamma prepara sempre una buona pasta al pomodoro.",
        "Domani mattina partiamo presto per il mare.",
        "Il bambino beve un bicchiere d'acqua fresca.",
        "Che bella giornata, vogliamo fare una passeggiata?",
    ),
    "nl": (
        "Goedemorgen, hoe gaat het met u?",
        "Mijn moeder koopt brood en boter op de markt.",
        "Wij wonen bij de zee.",
    ),
    "pl": (
        "Dzień dobry, miło mi panią poznać.",
        "Mama kupiła bardzo dobre bułki z masłem.",
        "Proszę powtórzyć pytanie.",
    ),
    "pt": ("Bom dia, tudo bem com você?", "O meu avô mora perto da praia.", "Queria um pouco de pão com manteiga."),
    "sv": ("God morgon, hur mår du idag?", "Min mamma köpte bröd och smör.", "Vi bor på en liten ö i havet."),
    "tr": ("Günaydın, bugün nasılsınız?", "Babam bahçede büyük bir ağaç dikti.", "Bize bir bardak su verir misiniz?"),
    "ru": ("Доброе утро, как ваши дела?", "Моя бабушка живёт в большой деревне.", "Покажите, пожалуйста, новую книгу."),
}


def held_out(text: str) -> bool:
    """Every ninth sentence, by its letters alone, is kept for validation."""
    return sum(map(ord, text)) % 9 == 0


def _grammar(random_: random.Random) -> str:
    parts = (random_.choice(_SUBJECTS), random_.choice(_VERBS), random_.choice(_OBJECTS), random_.choice(_ENDINGS))
    text = (random_.choice(_OPENINGS) + " ".join(part for part in parts if part)).strip()
    return text[0].upper() + text[1:] + random_.choice((".", ".", ".", "?", "!"))


def _list(random_: random.Random) -> str:
    kind = random_.random()
    if kind < 0.35:
        return ", ".join(random_.choice(_WORDS) for _ in range(random_.randint(3, 7))) + "."
    if kind < 0.6:
        return ", ".join(str(random_.randint(0, 120)) for _ in range(random_.randint(3, 6))) + "."
    if kind < 0.75:
        return " ".join(
            random_.choice("A B C D E F G H I J K L M N O P Q R S T U V W X Y Z".split()) + "," for _ in "12345"
        )
    # Nonsense syllables give every consonant before every rhyme.
    return " ".join(random_.choice(_CONSONANTS) + random_.choice(_RHYMES) for _ in range(random_.randint(4, 8))) + "."


def english(seed: int, *, validation: bool = False) -> Iterator[str]:
    """Endless English sentences; training and validation never share one."""
    random_ = random.Random(seed)
    while True:
        kind = random_.random()
        text = random_.choice(WRITTEN) if kind < 0.3 else _grammar(random_) if kind < 0.75 else _list(random_)
        if held_out(text) == validation:
            yield text


def other_language(seed: int) -> Iterator[tuple[str, str]]:
    """Endless (eSpeak language, sentence) pairs."""
    random_ = random.Random(seed)
    while True:
        language = random_.choice(tuple(OTHER_LANGUAGES))
        yield language, random_.choice(OTHER_LANGUAGES[language])
