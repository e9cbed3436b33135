"""The words of five languages after which somebody goes on, or may have finished; `speech.turns.reading` reads them.

All are lower case, as `reading.words_of` writes them. Lists are short on purpose: a word that is in none of them says
nothing, and the sound and the middle wait decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WordLists:
    """What is known of a language.

    Attributes:
        fillers: sounds of somebody who looks for words, and words that stand for them.
        leading: conjunctions, prepositions, articles, possessives, quantifiers, adverbs of degree: never the last word,
            so without those that also end sentences ("turn it on", "mach das Licht an").
        adjectives: frequent ones: between an article and its noun they are not the last word.
        subjects: pronouns that are nothing but the subject of what comes.
        pronouns: those that are also last words ("who are you").
        auxiliaries: after them a sentence goes on, unless they follow a pronoun ("yes, it is").
        transitive: verbs that want an object, unless a question word is it ("what would you like").
        verbs: more finite verbs: a sentence has one, a piece of it may not.
        question_words: with which questions begin.
        subordinators: with which a clause begins that another one follows ("if I come on Sunday …").
        listing: conjunctions before the last item of a list.
        numbered: what is told in numbers or letters.
        numbers: words for digits and numbers.
        answers: what is whole by itself, beside `closing`; no greetings, after which most people go on.
        closing: with which somebody ends who has said all, one word or two: "thank_you".
        introducing: pronouns that begin a clause after a form of "be" that no question has ("the thing is that").
        pleas: said between a beginning and what is asked for, and after all of it: "could you please", "yes, please".
    """

    fillers: frozenset[str]
    leading: frozenset[str]
    adjectives: frozenset[str]
    pronouns: frozenset[str]
    subjects: frozenset[str]
    auxiliaries: frozenset[str]
    transitive: frozenset[str]
    verbs: frozenset[str]
    question_words: frozenset[str]
    subordinators: frozenset[str]
    listing: frozenset[str]
    numbered: frozenset[str]
    numbers: frozenset[str]
    answers: frozenset[str]
    closing: frozenset[str]
    introducing: frozenset[str] = frozenset()
    pleas: frozenset[str] = frozenset()

    @property
    def whole(self) -> frozenset[str]:
        """Words that are whole by themselves."""
        return self.answers | {word for word in self.closing if "_" not in word}

    @property
    def common(self) -> frozenset[str]:
        """Words that tell the language."""
        return self.leading | self.pronouns | self.subjects | self.auxiliaries | self.verbs | self.question_words


def _lists(**words: str) -> WordLists:
    return WordLists(**{name: frozenset(listed.split()) for name, listed in words.items()})


WORD_LISTS: Mapping[str, WordLists] = {
    "en": _lists(
        fillers="m um uh uhm umm uhh er erm ah hm hmm hmmm mm eh well so like",
        leading="""
            and or but nor because if whether although though while unless until till than as that's of from into
            onto upon at by with without for to toward towards between among during against via per about around
            behind beside beneath below above across along near a an the my your his its our their this's these
            those some any every each another either neither both several many few various such which whose what's
            who's where's how's when's there's here's let's very really quite rather pretty too extremely almost
            nearly just only even i'm i'd i'll i've we're we'd we'll we've you're you'd you'll you've he's he'd
            he'll she's she'd she'll they're they'd they'll they've it's it'll gonna wanna mister mr mrs ms dr""",
        adjectives="""
            small medium large big little long short good nice new old young own other next same different single
            double triple half dark light hot cold fresh main whole entire best biggest largest first second third
            last great real quick free local special human""",
        pronouns="you it that this me him her them us one",
        subjects="i we they he she",
        auxiliaries="""
            is are was were am be been being do does did can could will would shall should may might must have has
            had having""",
        transitive="""
            want wants wanted need needs needed like likes liked get gets got getting give gives gave giving take
            takes took taking make makes made making tell tells telling told show shows showing put puts putting set
            sets bring brings bringing buy buys bought find finds finding found keep keeps use uses using used send
            sends add adds choose prefer order ordering say says saying said explain explaining describe visit wear
            become becomes seem seems consider include includes mean means recommend suggest enjoy love hate
            describes reach create build cost costs cover covers produce produced""",
        verbs="""
            go goes going went come comes came see sees saw know knows knew think thinks thought talk talks speak
            speaks spoke work works worked call calls called help helps play plays read reads write leave leaves
            left stay stays live lives start starts started begin begins began end ends turn turns turned open opens
            opened close closes closed book look looks looked sound sounds feel feels happen happens happened try
            tries repeat move moves run runs walk wait stop stops listen hear hears heard ask asks asked answer
            explain believe hope hopes remember forget forgot learn eat drink sleep meet sell pay pays travel drive
            sit stand change changes matter matters let isn't aren't wasn't weren't don't doesn't didn't can't
            couldn't won't wouldn't shouldn't haven't hasn't hadn't i'm i'd i'll i've we're we've you're they're
            he's she's it's that's what's who's where's how's when's there's here's let's""",
        question_words="what who whom whose which when where why how",
        subordinators="if when because although though while unless until since whenever once after before as",
        listing="and or plus",
        numbered="number code pin phone telephone postcode zip address extension account",
        numbers="""
            zero oh one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
            seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand
            double triple""",
        answers="""
            yes yeah yep no nope okay ok sure stop exactly right correct please never sorry pardon maybe nothing""",
        closing="thanks thank_you goodbye bye good_night see_you",
        introducing="that",
        pleas="please",
    ),
    "de": _lists(
        fillers="äh ähm öhm öh em hm hmm mhm also naja tja",
        leading="""
            und oder aber denn sondern dass weil wenn falls ob obwohl während damit sodass bis als sowie von vom für
            bei beim in im ins am zum zur durch ohne gegen seit zwischen wegen hinter neben unter aus der dem den
            des eine einen einem einer eines mein meine meinen meinem meiner dein deine deinen deinem ihre ihren
            ihrem ihrer sein seine seinen seinem seiner unser unsere unseren euer eure kein keine keinen keinem
            dieser diese diesen diesem dieses jeder jede jeden jedem manche einige viele mehrere welcher welche
            welchen welches sehr ganz ziemlich besonders etwa ungefähr nur sogar zwar entweder weder herr frau
            doktor""",
        adjectives="""
            große großen großer großes kleine kleinen kleiner kleines neue neuen neuer gute guten guter nächste
            nächsten letzte letzten erste ersten zweite ganze ganzen andere anderen beste besten""",
        pronouns="du sie es ihr das die mich mir dich dir ihn ihm uns euch",
        subjects="ich wir er man",
        auxiliaries="""
            ist sind war waren bin bist seid wird werden werde wirst hat haben habe hast hatte kann können kannst
            könnte könnten könntest muss müssen musst soll sollen sollte will wollen willst würde würden würdest
            darf dürfen möchte möchten möchtest mag""",
        transitive="""
            brauche brauchst braucht brauchen nehme nimm nehmen gib geben gibt mach mache machst machen macht zeig
            zeige zeigen sag sage sagen erzähl erzähle erzählen such suche suchen kauf kaufe kaufen bring bringe
            finde finden kenne kennst erkläre erklär heißt bedeutet kostet""",
        verbs="""
            mach geht gehe gehen ging kommt komme kommen kam sehe sieht sehen sah weiß weißt wissen denke denkst glaube
            spreche spricht sprechen arbeite arbeitet wohne wohnt lebe bleibt bleibe beginnt endet öffnet schließt
            öffne schalte ruf rufe hilf hilft spiel spiele lies schreib warte hör höre frage gefällt passiert
            funktioniert gibt's geht's steht liegt sitzt fährt fahre liebe esse trinke lerne verstehe vermittelt
            versuche""",
        question_words="was wer wen wem wessen wann wo wohin woher warum wieso weshalb wie welche welcher welches",
        subordinators="wenn falls weil obwohl während bevor nachdem sobald solange da damit als",
        listing="und oder sowie",
        numbered="nummer telefonnummer code pin telefon postleitzahl hausnummer adresse konto",
        numbers="""
            null eins ein zwei zwo drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn
            sechzehn siebzehn achtzehn neunzehn zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig
            hundert tausend""",
        answers="""
            ja nein doch gut okay ok bitte genau richtig stopp halt klar vielleicht nichts entschuldigung""",
        closing="danke vielen_dank tschüss auf_wiedersehen gute_nacht",
        pleas="bitte",
    ),
    "fr": _lists(
        fillers="euh heu hum hmm ben bah bon alors enfin",
        leading="""
            et ou mais donc car ni que qu' si quand lorsque puisque comme parce de du des d' à au aux en dans sur
            sous avec sans pour par chez vers entre depuis pendant contre dès jusqu'à le la les l' un une mon ma mes
            ton ta tes son sa ses notre nos votre vos leur leurs ce cet cette ces quel quelle quels quelles chaque
            quelque quelques plusieurs très trop assez plutôt presque seulement c'est j'ai n'est y monsieur madame
            docteur""",
        adjectives="""
            petit petite grand grande gros grosse nouveau nouvelle bon bonne premier première prochain prochaine
            dernier dernière autre autres même""",
        pronouns="tu nous vous il elle moi toi lui eux ça cela ceci",
        subjects="je j' on ils elles qui",
        auxiliaries="""
            est sont était étaient suis es sommes êtes sera ai as a avons avez ont avait aurai peux peut pouvez
            pouvons peuvent pourrais pourriez veux veut voulez voudrais dois doit devez vais va vas vont faut""",
        transitive="""
            donne donnez donner prends prenez prendre fais faites faire dis dites dire montre montrez mets mettez
            cherche cherches cherchez aime aimes aimerais connais connaissez explique expliquez raconte apporte
            achète acheter trouve trouver""",
        verbs="""
            va allez allons aller vient viens venir vois voit voir sais sait savoir pense penses parle parles parlez
            travaille habite reste commence finit ouvre ouvrez ferme fermez appelle appelez aide aidez joue lis écris
            attends écoute marche arrive comprends mange bois dort part c'est s'appelle m'appelle j'ai t'appelles n'est
            fonctionne situés ressemble""",
        question_words="qui que quoi quand où pourquoi comment combien quel quelle quels quelles lequel laquelle",
        subordinators="si quand lorsque puisque comme pendant parce bien dès",
        listing="et ou",
        numbered="numéro code téléphone adresse compte",
        numbers="""
            zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt
            trente quarante cinquante soixante cent mille""",
        answers="""
            oui non si au revoir d'accord ok stop exactement voilà peut-être rien pardon""",
        closing="merci au_revoir vous_plaît te_plaît bonne_nuit",
    ),
    "es": _lists(
        fillers="eh em pues mmm hmm bueno",
        leading="""
            y e o u pero sino ni que porque si cuando aunque mientras como de del a al en con sin para por sobre
            entre desde hasta hacia según contra durante tras el la los las un una unos unas mi mis tu tus su sus
            nuestro nuestra nuestros vuestro este esta estos estas ese esa esos esas aquel aquella cada algún alguna
            algunos algunas muchos muchas varios varias ningún muy tan bastante casi sólo cuyo gran señor señora don
            doña doctor lo le se me te nos""",
        adjectives="""
            pequeño pequeña grande nuevo nueva buen buena mejor primer primera próximo próxima último última otro
            otra otros otras mismo misma""",
        pronouns="tú usted ustedes él ella eso esto ello mí ti",
        subjects="yo nosotros ellos ellas",
        auxiliaries="""
            es son era eran soy eres somos está están estoy estás estaba ha han he has hemos había puede puedo
            puedes podría podrías quiero quiere quieres quisiera debo debe tengo tiene tienes hay voy va vas""",
        transitive="""
            necesito necesita necesitas da dame dar pon poner toma tomar haz hacer hace di dime decir muestra
            muéstrame busco buscar prefiero compra comprar trae traer explica conoces encuentra encontrar cuesta""",
        verbs="""
            va ir viene vengo ves ve ver sé sabe sabes saber piensa pienso creo habla hablo hablas trabaja trabajo
            vive vivo queda empieza termina abre abren cierra cierran llama llamo llamas ayuda juega lee escribe
            espera escucha funciona gusta llega entiendo come bebo duerme sale parece significa pasa enciende apaga""",
        question_words="qué quién quiénes cuándo dónde adónde cómo cuánto cuánta cuántos cuántas cuál cuáles por qué",
        subordinators="si cuando aunque porque mientras como",
        listing="y e o u",
        numbered="número código teléfono dirección cuenta",
        numbers="""
            cero uno un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis
            veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa cien ciento mil""",
        answers="sí no vale claro exacto bien ok para nada quizás perdón correcto",
        closing="gracias adiós por_favor hasta_luego buenas_noches",
    ),
    "it": _lists(
        fillers="ehm eh mmm hmm cioè allora dunque beh insomma",
        leading="""
            e ed o od ma però né che perché se quando mentre come anche di del dello della dei degli delle a al allo
            alla ai agli alle da dal dallo dalla dai dalle in nel nello nella nei nelle con col su sul sullo sulla
            sui sulle per tra fra senza verso durante contro il lo la i gli le l' un uno una un' d' dell' all' nell'
            sull' dall' c'è mio mia miei mie tuo tua tuoi suo sua suoi sue nostro nostra vostro questo questa questi
            queste quel quella quelli quelle ogni qualche alcuni alcune molti molte ciascun troppo abbastanza quasi
            signor signora dottor mi ti si ci vi""",
        adjectives="""
            grande piccolo piccola nuovo nuova buon buona primo prima prossimo prossima ultimo ultima altro altra
            altri altre stesso stessa""",
        pronouns="tu lei lui voi questo quello ciò me te",
        subjects="io noi loro",
        auxiliaries="""
            è sono era erano sei siamo siete ha hanno ho hai abbiamo aveva può posso puoi potrei potresti voglio
            vuole vuoi vorrei devo deve sta sto stai va vado""",
        transitive="""
            dammi dare fai fare fa dimmi dire prendo prendi prendere metti mettere cerco cercare preferisco compra
            comprare porta portare spiega spiegami mostrami conosci trova trovare costa""",
        verbs="""
            va andare viene vengo vedi vede vedere so sai sapere penso pensi credo parla parlo parli lavora lavoro
            abita vive vivo resta inizia finisce apre aprono chiude chiudono chiama chiamo chiami aiuta gioca leggi
            scrivi aspetta ascolta funziona piace arriva capisco mangio bevo dorme parte sale significa succede
            accendi spegni c'è com'è dov'è""",
        question_words="che chi cosa quando dove perché come quanto quanta quanti quante quale quali",
        subordinators="se quando perché mentre siccome poiché benché anche",
        listing="e ed o od",
        numbered="numero codice telefono indirizzo conto",
        numbers="""
            zero uno un due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici
            sedici venti trenta quaranta cinquanta sessanta settanta ottanta novanta cento mille""",
        answers="sì no va bene certo esatto giusto ok stop forse niente scusa",
        closing="grazie ciao arrivederci per_favore buona_notte",
    ),
}
"""By language code."""
