"""Reads --help texts, as CLI11 (limn) and argparse (limn-convert) lay them out."""

import os
import re
import subprocess
import sys
import tempfile
from typing import List, NamedTuple, Tuple

FILES = ("FILE", "OUT", "PHOTO", "IN", "MODEL")
FOLDERS = ("DIR", "FOLDER")


class Option(NamedTuple):
    """An option, an argument without a name of its own (names is empty), or a subcommand (its name, and no value)."""

    names: Tuple[str, ...]
    value: str  # what it takes, as it is called: FILE, N, "M M M"; "" for nothing
    description: str
    remarks: Tuple[str, ...] = ()  # sentences: ranges, defaults, what it needs and excludes
    repeated: bool = False
    words: Tuple[str, ...] = ()  # values that may be chosen
    several: bool = False  # several of these, with commas between them
    files: str = ""  # "file" or "folder" if it may be one


class Section(NamedTuple):
    title: str
    entries: List[Option]


class Help(NamedTuple):
    program: str  # "limn estimate"
    usage: str  # what follows that
    introduction: List[str]  # paragraphs
    sections: List[Section]
    ending: List[str]  # paragraphs

    def entries(self):
        return [entry for section in self.sections for entry in section.entries]

    def options(self):
        return [entry for entry in self.entries() if entry.names and entry.names[0].startswith("-")]

    def arguments(self):
        return [entry for entry in self.entries() if not entry.names]

    def commands(self):
        return [entry for entry in self.entries() if entry.names and not entry.names[0].startswith("-")]


def run_help(command):
    """What the command prints when asked for its --help, in lines of 100 columns where it asks for a width."""
    environment = {**os.environ, "COLUMNS": "100", "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*command, "--help"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def read_program(program):
    """The Help of a program and of all its subcommands, that of the program first. program: PATH, or NAME=SCRIPT.py."""
    name, _, path = program.rpartition("=")
    with tempfile.TemporaryDirectory() as folder:
        command = [path]
        if name:  # what is installed is a link of that name
            os.symlink(os.path.abspath(path), os.path.join(folder, name))
            command = [sys.executable, os.path.join(folder, name)]
        first = read_help(run_help(command))
        return [first] + [read_help(run_help([*command, entry.names[0]])) for entry in first.commands()]


def read_help(text):
    """Throws ValueError for what is not as expected: nothing may get lost on the way."""
    lines = text.splitlines()
    usage, rest = _usage(lines)
    cli11 = "Usage: " in text
    before, sections, after = [], [], []
    position = 0
    while position < len(rest):
        line = rest[position]
        following = rest[position + 1] if position + 1 < len(rest) else ""
        if re.fullmatch(r"\S.*:", line) and re.match(r"  \S", following):
            block = []
            position += 1
            while position < len(rest) and rest[position].startswith("  "):
                block.append(rest[position])
                position += 1
            sections.append(_section(line[:-1], block, cli11))
            continue
        (after if sections else before).append(line)
        position += 1
    program, _, synopsis = usage.partition(" [")
    if not sections or not program:
        raise ValueError("no usage or no options in:\n" + text)
    synopsis = re.sub(r"^(\[-[^\]]*\] )+", "[OPTIONS] ", "[" + synopsis)  # argparse lists them all
    return Help(program, synopsis, _paragraphs(before), sections, _paragraphs(after))


def _usage(lines):
    """The usage, without that word and in one line, and all other lines."""
    for first, line in enumerate(lines):
        if line.lower().startswith("usage: "):
            last = first + 1
            while last < len(lines) and lines[last].startswith(" "):
                last += 1
            usage = " ".join(part.strip() for part in [line[len("usage: ") :], *lines[first + 1 : last]])
            return usage, lines[:first] + [""] + lines[last:]
    raise ValueError("no usage in:\n" + "\n".join(lines))


def _paragraphs(lines):
    text = "\n".join(line.strip() for line in lines).strip()
    return [" ".join(paragraph.split()) for paragraph in re.split(r"\n\n+", text)] if text else []


def _section(title, lines, cli11):
    entries = []
    for line in lines:
        if re.match(r"  \S", line):
            head, _, description = line.strip().partition("  ")
            if cli11 and not description and line[29:30] == " " and not re.search(r"(Needs|Excludes): |\[", line):
                head, description = line[2:29], line[30:]  # just enough room for one blank between them
            entries.append([head, description.strip()])
        else:
            entries[-1][1] = (entries[-1][1] + " " + line.strip()).strip()
    read = _of_cli11 if cli11 else _of_argparse
    return Section(title, [read(title, head, description) for head, description in entries])


def _of_cli11(title, head, description):
    if not description:
        raise ValueError("no description of " + head)
    name, _, rest = head.partition(" ")
    if title == "Subcommands":
        return Option((name,), "", description)
    remarks = []
    rest, *excluded = re.split(r" ?Excludes: ", rest)
    rest, *needed = re.split(r" ?Needs: ", rest)
    required = re.search(r"\bREQUIRED\b", rest)
    rest = rest.replace("REQUIRED", "").strip()
    repeated = rest.endswith("...")
    value, default = (rest.rstrip(". ").split("=", 1) + [""])[:2]
    value, *checks = value.split(":")
    for check in checks:
        limits = re.fullmatch(r"\w+ in \[(\S+) - (\S+)\]", check)
        if limits:
            least, most = limits.groups()
            remarks.append("At least %s." % least if float(most) >= 1e9 else "From %s to %s." % (least, most))
    if name.startswith("-"):
        names = tuple(re.sub(r"\{.*", "", part) for part in name.split(","))
        if required:
            remarks.append("Required.")
    else:
        names, value = (), name
    if default:
        remarks.append("Default: %s." % default)
    remarks += ["Needs %s." % ", ".join(words.split()) for words in needed]
    remarks += ["Not together with %s." % ", ".join(words.split()) for words in excluded]
    choices = [check[1:-1].split(",") for check in checks if check.startswith("{")]
    return _option(names, value, description, remarks, repeated, choices[0] if choices else ())


def _of_argparse(title, head, description):
    if title == "positional arguments":
        return _option((), head, description, [], False, ())
    parts = [part.split(" ", 1) for part in re.split(r", (?=-)", head)]
    value = parts[-1][1] if len(parts[-1]) > 1 else ""
    words = value[1:-1].split(",") if value.startswith("{") else ()
    return _option(tuple(part[0] for part in parts), "|".join(words) or value, description, [], False, words)


def _option(names, value, description, remarks, repeated, words):
    listed = _listed(description) if value and not words else []
    named = value.split("|") if "|" in value and not words else [value]
    words = list(words) + [word for word in listed + named if re.fullmatch("[a-z][a-z0-9_-]*", word)]
    files = ""
    if not names or any(re.match("(%s)" % "|".join(FILES), word) for word in named + listed):
        files = "file"
    elif any(word in FOLDERS for word in named):
        files = "folder"
    return Option(
        names,
        value,
        description,
        tuple(remarks),
        repeated,
        tuple(words),
        "some of " in description,
        files,
    )


def _listed(description):
    """The words that a description says may be chosen: "Which: this, that (thus) or FILE; default: ..."."""
    text = re.sub(r" \([^)]*\)", "", description)
    for part in (text, text.partition(": ")[2]):
        items = re.split(r",? or |, ?", re.sub("^some of ", "", re.split(r"[;.] |[;.]$", part)[0]))
        if len(items) > 1 and all(re.fullmatch(r"[a-z][a-z0-9_-]*|FILE\S*", item) for item in items):
            return items
    return []
