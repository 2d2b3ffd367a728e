"""What of an answer never reaches a judge: it is incorrect as it stands.

A policy that is trained against a model writes what fools models: nothing at all (":"), the beginning of an answer
("Thought process:"), a reply in the judge's place, special tokens that end its turn, text that nobody sees.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

MAX_ANSWER_CHARS: Final = 400

# Joiners that Persian and Indic words are spelt with; all other characters without a shape are refused.
_JOINERS: Final = "\u200c\u200d"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# Quotation marks, then Cyrillic and Greek letters.
_LOOK_ALIKE: Final = str.maketrans(
    "\u2019\u2018\u201b\u2032`\u02bc"
    "\u0430\u0441\u0501\u0435\u04bb\u0456\u0458\u043a\u043e\u0440\u0455\u0442\u0443\u0445"
    "\u03b9\u03ba\u03bf\u03c1\u03c4\u03c5\u03bd\u03c7",
    "''''''acdehijkopstyxikoptuvx",
)

_REPLY: Final = re.compile(
    r"verdict|(?<![a-z])(?:in)?correct(?![a-z])"
    r"|thought process|let(?:'s| us) (?:solve|think|work|start|begin)|step[- ]by[- ]step"
    r"|(?<![\\a-z])\{\s*[\"“”„«]|reference (?:answer|solution)|ignore (?:[a-z]+ ){0,4}instructions"
)
_SPECIAL_TOKEN: Final = re.compile(
    r"<\|[/a-z][\w ▁:/-]+\|>|\[/?inst\]|</?s>|</?(?:think|thinking|answer|question|reference|system|user|assistant)\b"
    r"|<(?:start|end|begin)_of_\w+>|<(?:bos|eos|pad)>"
)
_PUNCTUATION: Final = " .,:;!?-*#_=~$。，：；！？、"


def one_line(answer: str) -> str:
    """The answer with single blanks: no line of it can pass for one of the prompt's own."""
    return re.sub(r"[ \t\r\n]+", " ", answer).strip(" ")


def refusal(answer: str, reference: str) -> str | None:
    """Why an answer (of `one_line`) is incorrect without a model's word; None if a model may see it.

    Words of a reply are no sign of one where the reference has them itself.
    """
    if len(answer) > MAX_ANSWER_CHARS:
        return f"longer than {MAX_ANSWER_CHARS} characters"
    if unseen := next((each for each in answer if _is_unseen(each)), None):
        return f"a character that is not seen, U+{ord(unseen):04X}"
    if not any(each.isalnum() for each in answer):
        return "no letter or digit"
    text = folded(answer)
    if found := _SPECIAL_TOKEN.search(text):
        return f"a special token, {found[0]!r}"
    own = folded(reference)
    if found := next((each for each in _REPLY.finditer(text) if each[0] not in own), None):
        return f"shaped like a reply: {found[0]!r}"
    bare = text.strip(_PUNCTUATION)
    if (bare in _ANNOUNCEMENTS or _ANNOUNCEMENT.fullmatch(bare)) and bare not in own:
        return "announces an answer and gives none"
    return None


def folded(text: str) -> str:
    """As it looks to a reader: without case, accents, width and joiners, some letters of other alphabets as Latin."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in plain if unicodedata.category(each) not in ("Mn", "Cf")).translate(_LOOK_ALIKE)


def _is_unseen(character: str) -> bool:
    # Variation selectors beyond the first 16 carry whole texts behind one sign.
    hidden = "\U000e0100" <= character <= "\U000e01ef"
    return hidden or (unicodedata.category(character) in _UNSEEN and character not in _JOINERS)


_ANNOUNCEMENT: Final = re.compile(
    r"(?:here is |here's |this is )?(?:the |my |our )?(?:final |full )?"
    r"(?:answer|solution|result|response|reasoning|explanation|proof)(?: is)?(?: as follows| below| above)?"
    r"|sure|ok(?:ay)?"
)
_ANNOUNCEMENTS: Final = frozenset(
    folded(words)
    for words in (
        *("解", "解答", "解析", "解説", "答案", "答え", "回答", "かいせつ", "こたえ", "정답", "해설", "풀이"),
        *("respuesta", "la respuesta es", "solución", "réponse", "la réponse est", "lösung", "antwort", "risposta"),
        *("resposta", "soluzione", "ответ", "решение", "उत्तर", "الجواب", "cevap"),
    )
)
