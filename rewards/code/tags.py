"""What stands after an opening fence: the language's name, then nothing, a description or the program's first line."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

# What people call a language in a fence beside the names a request may say.
_ALSO: Final = {
    **dict.fromkeys(("ipython", "ipy", "pycon", "sage", "pypy", "cpython", "micropython", "jupyter"), "python"),
    **dict.fromkeys(("g++", "gnu++", "gpp", "cplusplus", "c_plus_plus", "hpp"), "cpp"),
    **dict.fromkeys(("gcc", "gnu", "clang"), "c"),
    **dict.fromkeys(("zsh", "ksh"), "bash"),
    **dict.fromkeys(("mjs", "cjs", "ecmascript", "es"), "javascript"),
}
# Tags of what is no program, unless its language is asked for.
NO_PROGRAM: Final = frozenset(
    {
        *("text", "txt", "plaintext", "plain", "output", "out", "stdout", "stderr", "input", "in", "stdin", "console"),
        *("terminal", "log", "markdown", "md", "json", "yaml", "csv", "none", "bash", "sh", "shell", "zsh", "cmd"),
        *("powershell", "diff", "math", "latex", "tex", "error", "traceback", "result", "example", "sample"),
    }
)

_WORD: Final = re.compile(r"[{\s.]*([\w+#.\-/]*)")
_VERSION: Final = re.compile(r"[-_/ .]?v?[0-9][0-9.]*\Z")
_ADDED: Final = re.compile(r"[-_](?:code|script|program|solution|exec|repl)\Z")
_TOKEN: Final = re.compile(r"""[\w.-]+=(?:"[^"]*"|'[^']*'|[^\s"']+)|\{[^{}]*\}|\S+""")
_DESCRIPTION: Final = re.compile(
    r"""[:,;}]*(?:v?[0-9]+(?:\.[0-9]+)*\+?|[\w./-]*\w\.\w{1,5}|[.#]\w[\w-]*|\{[\w\s,.=#"'-]*\}"""
    r"""|(?:title|file|filename|name|caption|class|id|label|path|linenos|linenums|lines|highlight|hl_lines|start\w*"""
    r"""|show\w+|number\w*|copy|editable|runnable)(?:=.*)?)?[:,;}]*""",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"""[=()\[\];<>{}"']|:\s*\Z|\A#(?:include|define|pragma|!)""")
_KEYWORD: Final = re.compile(r"(?:import|from|using|def|class|return|print|let|const|var|echo)\s+\S|pass\b")
_COMMENT: Final = re.compile(r"#\s|//|/\*")
_LINE_CHARS: Final = 300


class Info(NamedTuple):
    """A fence's tag in lower case, and the code on its line (without it: "")."""

    tag: str
    code: str


def names(tag: str, tags: frozenset[str]) -> bool:
    """Whether it names the language that `tags` are names of, like `c++17`, `python3.11`, `py_code`, `ipython`."""
    if tag in tags or _ALSO.get(tag) in tags:
        return True
    base = _VERSION.sub("", _ADDED.sub("", tag[:_LINE_CHARS]))
    return bool(base) and (base in tags or _ALSO.get(base) in tags)


def info_of(text: str, tags: frozenset[str]) -> Info | None:
    """What the rest of a fence's line says; None if it is prose, which opens nothing.

    One word is a tag, whatever it is. What follows a tag is a description (a version, a file's name, attributes, a
    comment) or the program's first line. A line of code may also stand there without a tag.
    """
    text = text.strip()
    word = _WORD.match(text)
    if word is None or not text:
        return Info("", "")
    tag, rest = word.group(1).rstrip("."), text[word.end() :]
    named = names(tag.lower(), tags)
    if tag and (not rest or _describes(rest)) and (named or not _KEYWORD.match(text)):
        return Info(tag.lower(), "")
    tagged = named and rest[:1].isspace()
    code = rest.strip() if tagged else text
    if not (_CODE.search(code[:_LINE_CHARS]) or _KEYWORD.match(code)):
        return None
    return Info(tag.lower() if tagged else "", code)


def _describes(text: str) -> bool:
    if len(text) > _LINE_CHARS:
        return False
    if _COMMENT.match(text.strip()):
        return True
    tokens = _TOKEN.findall(text)
    one_word = len(tokens) == 1 and text[0].isspace() and tokens[0].isidentifier()
    return one_word or all(_DESCRIPTION.fullmatch(token) for token in tokens)
