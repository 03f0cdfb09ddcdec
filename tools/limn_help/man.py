"""Manual pages: limn(1), and one for each subcommand, limn-estimate(1)."""

import re
import textwrap

TITLES = {
    "positionals": "ARGUMENTS",
    "positional arguments": "ARGUMENTS",
    "options": "OPTIONS",
    "optional arguments": "OPTIONS",  # argparse before Python 3.10
    "subcommands": "COMMANDS",
}


def page_name(program):
    return program.replace(" ", "-")


def man_page(page, version, date, others):
    """The page of a text.Help. others: the names of the pages to see as well; date: YYYY-MM-DD."""
    name = page_name(page.program)
    lines = [
        ".\\\" Made of the program's --help by tools/from_help.py.",
        '.TH %s 1 %s "limn %s" "limn"' % (_escaped(name.upper()), date, version),
        ".SH NAME",
        _escaped("%s - %s" % (name, _lower(page.introduction[0].rstrip(".")))),
        ".SH SYNOPSIS",
        ".B " + _escaped(page.program),
        *_text(page.usage),
        ".SH DESCRIPTION",
    ]
    status = [text for text in page.ending if re.match("Exit status: ", text)]
    environment = [text for text in page.ending if "environment variable" in text]
    description = [_sentence(text) for text in page.introduction]
    description += [text for text in page.ending if text not in status + environment]
    for number, text in enumerate(description):
        lines += ([".PP"] if number else []) + _text(text)
    for section in page.sections:
        title = TITLES.get(section.title.lower())
        lines.append(".SH " + title if title else ".SS " + _escaped(_upper(section.title)))
        for entry in section.entries:
            lines += _entry(page, entry)
    for title, texts in (("EXIT STATUS", status), ("ENVIRONMENT", environment)):
        for text in texts:
            lines += [".SH " + title, *_text(_upper(text.replace("Exit status: ", "")))]
    if others:
        references = [".BR %s (1)" % _escaped(other) for other in others]
        lines += [".SH SEE ALSO", *(line + " ," for line in references[:-1]), references[-1]]
    return "\n".join(lines) + "\n"


def _entry(page, entry):
    value = " ".join("\\fI%s\\fR" % _escaped(word) for word in entry.value.split())
    if "|" in entry.value:
        value = "|".join(
            ("\\fI%s\\fR" if word.isupper() else "\\fB%s\\fR") % _escaped(word) for word in entry.value.split("|")
        )
    names = ", ".join("\\fB%s\\fR" % _escaped(name) for name in entry.names)
    head = " ".join(part for part in (names, value) if part) + (" ..." if entry.repeated else "")
    texts = [_sentence(entry.description)] if entry.description else []
    if entry in page.commands():
        texts.append("See \\fB%s\\fR(1)." % _escaped("%s-%s" % (page.program, entry.names[0])))
        return [".TP", head, *_text(texts[0]), texts[1]]
    missing = [word for word in entry.words if word not in entry.description + entry.value]
    if missing:
        texts.append("One of %s." % ", ".join(entry.words))
    lines = _text(" ".join([*texts, *entry.remarks]))
    return [".TP", head, *(lines or ["\\&"])]


def _text(text):
    """Lines of a paragraph; none begins with what roff takes for a request."""
    lines = textwrap.wrap(_escaped(text), 79, break_long_words=False, break_on_hyphens=False)
    return ["\\&" + line if line.startswith((".", "'")) else line for line in lines]


def _escaped(text):
    """Every - as it is typed: most of these texts are names of options and files."""
    escapes = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "^": "\\(ha", "~": "\\(ti", "`": "\\(ga"}
    for character, escape in escapes.items():
        text = text.replace(character, escape)
    return text


def _sentence(text):
    text = _upper(text)
    return text if text.endswith((".", ":")) else text + "."


def _upper(text):
    """With a capital letter, but for names such as pck or x,y."""
    return text[:1].upper() + text[1:] if re.match("[a-z]+( [a-z]|$)", text) else text


def _lower(text):
    return text[:1].lower() + text[1:] if re.match("[A-Z][a-z]", text) else text
