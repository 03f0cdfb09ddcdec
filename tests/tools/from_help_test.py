#!/usr/bin/env python3
"""Tests of tools/from_help.py: every subcommand, option and value that a --help text has is in the manual pages, and is
completed by the shells that are installed here."""

import os
import re
import select
import shutil
import subprocess
import sys
import time
import unittest

try:
    import pty
except ImportError:
    print("skipped: neither manual pages nor these shells on Windows")
    sys.exit(77)

from folder_test_case import FolderTestCase
from limn_program import PROGRAM, ROOT, skip_without_program

sys.path.insert(0, os.path.join(ROOT, "tools"))

from limn_help.text import read_help

CONVERT = os.path.join(ROOT, "tools", "convert.py")

BASH = """\
source "$1"
declare -f "$2" > /dev/null || exit 3
COMP_WORDS=("${@:3}") COMP_CWORD=$(($# - 3))
"$2"
printf '%s\\n' "${COMPREPLY[@]}"
"""
SOURCED = "source $argv[1]; complete -C $argv[2]"


def has_bash():
    """Whether bash is one that has mapfile; macOS's has not."""
    done = shutil.which("bash") and subprocess.run(["bash", "-c", "(( BASH_VERSINFO[0] >= 4 ))"], check=False)
    return bool(done) and done.returncode == 0


def has_man():
    """Whether man is the one of Linux, which has options for files and warnings."""
    done = shutil.which("man") and subprocess.run(["man", "--version"], capture_output=True, text=True, check=False)
    return bool(done) and "man 2." in done.stdout


def help_of(*command):
    """By another way than limn_help's: only the lines that begin with an option or a subcommand matter here."""
    return subprocess.run([*command, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout


def options_in(text):
    """{option: its line} of a --help text."""
    found = {}
    for line in text.splitlines():
        names = re.match(r"  (-[\w-]+(\{false\})?(?:(?:, ?)-[\w-]+(\{false\})?)*)", line)
        if names:
            found.update({name: line for name in re.findall(r"-[\w-]+", names.group(1))})
    return found


def commands():
    listed = help_of(PROGRAM).partition("Subcommands:\n")[2].partition("\n\n")[0]
    return re.findall(r"^  (\S+)", listed, re.MULTILINE)


class FromHelpTest(FolderTestCase):
    @classmethod
    def setUpClass(cls):
        cls.helps = {"": help_of(PROGRAM), **{name: help_of(PROGRAM, name) for name in commands()}}
        cls.convert_help = help_of(sys.executable, CONVERT)

    def setUp(self):
        super().setUp()
        self.make("made")

    def make(self, folder, epoch="1000000000"):
        script = [sys.executable, os.path.join(ROOT, "tools", "from_help.py")]
        done = subprocess.run(
            [*script, self.path(folder), "1.2.3", PROGRAM, "limn-convert=" + CONVERT],
            env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def pages(self):
        """{page: its --help text}"""
        texts = {("limn-" + name).rstrip("-"): text for name, text in self.helps.items()}
        return {**texts, "limn-convert": self.convert_help}

    def test_there_is_a_page_for_each_subcommand_and_files_for_each_shell(self):
        self.assertGreaterEqual(len(commands()), 7)
        self.assertEqual(sorted(os.listdir(self.path("made/man"))), sorted(page + ".1" for page in self.pages()))
        self.assertEqual(sorted(os.listdir(self.path("made/bash"))), ["limn", "limn-convert"])
        self.assertEqual(sorted(os.listdir(self.path("made/zsh"))), ["_limn", "_limn-convert"])
        self.assertEqual(sorted(os.listdir(self.path("made/fish"))), ["limn-convert.fish", "limn.fish"])

    def test_nothing_stays_of_a_subcommand_that_is_no_more(self):
        with open(self.path("made/man/limn-gone.1"), "w", encoding="ascii") as file:
            file.write("old")
        self.make("made")
        self.assertFalse(os.path.exists(self.path("made/man/limn-gone.1")))

    def test_the_same_help_gives_the_same_bytes_on_another_day(self):
        self.make("again")
        subprocess.run(["diff", "-r", self.path("made"), self.path("again")], check=True)

    # ---- Manual pages ------------------------------------------------------------------------------------------------

    def test_pages_have_every_option_and_all_that_is_said(self):
        if not has_man():
            self.skipTest("skipped: man-db is not installed")
        for page, text in self.pages().items():
            done = subprocess.run(
                ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", self.path(f"made/man/{page}.1")],
                env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "200", "MAN_KEEP_FORMATTING": "0"},
                capture_output=True,
                text=True,
                check=True,
            )
            self.assertEqual(done.stderr, "", page)
            shown = re.sub(r"\x1b\[[\d;]*m|.\x08", "", done.stdout).replace("\u2010\n", "")
            for option in options_in(text):
                self.assertRegex(shown, r"(?m)^ {7}(\S+, )*" + option + r"\b", f"{page}: {option}")
            plain = re.sub(r"\W+", "", shown.replace("\u2010", "-")).lower()
            described = re.findall(r"(?m)^ {20,}(\S.*)$", text)
            self.assertTrue(described or page == "limn", page)
            for part in described:
                self.assertIn(re.sub(r"\W+", "", part).lower(), plain, f"{page}: {part}")
            self.assertIn("limn 1.2.3", shown)
            self.assertIn("2001-09-09", shown)

    def test_mandoc_has_nothing_to_say(self):
        if not shutil.which("mandoc"):
            self.skipTest("skipped: mandoc is not installed")
        for page in self.pages():
            done = subprocess.run(
                ["mandoc", "-T", "lint", "-W", "warning", self.path(f"made/man/{page}.1")],
                stdout=subprocess.PIPE,
                text=True,
                check=False,
            )
            self.assertEqual(done.stdout, "")

    # ---- bash --------------------------------------------------------------------------------------------------------

    def bash(self, *words, program="limn"):
        """What bash completes of the last word."""
        if not has_bash():
            self.skipTest("skipped: no bash from 4 on")
        function = "_" + program.replace("-", "_")
        done = subprocess.run(
            ["bash", "-c", BASH, "bash", self.path("made/bash/" + program), function, program, *words],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""), words)
        return sorted(done.stdout.split())

    def test_bash_completes_subcommands_and_every_option(self):
        self.assertEqual(self.bash(""), sorted([*commands(), "-h", "--help", "--version"]))
        self.assertEqual(self.bash("ver"), ["verify"])
        for name, text in self.helps.items():
            options = options_in(text)
            self.assertIn("--help", options)
            self.assertEqual(self.bash(*([name] if name else []), "-"), sorted(options), name)
        self.assertEqual(self.bash("-", program="limn-convert"), sorted(options_in(self.convert_help)))
        self.assertEqual(self.bash("nonsense", "-"), [])

    def test_bash_completes_every_value_that_help_enumerates(self):
        enumerated = 0
        for name, text in self.helps.items():
            for option, line in options_in(text).items():
                choices = re.search(r":\{([\w,-]+)\}", line)
                if choices:
                    enumerated += 1
                    self.assertEqual(self.bash(name, option, ""), sorted(choices.group(1).split(",")), option)
                    first = choices.group(1).split(",")[0]
                    self.assertIn(first, self.bash(name, option, "=", first[:1]))
                    self.assertIn(first, self.bash(name, option, "="))
        self.assertGreaterEqual(enumerated, 3)
        for option, line in options_in(self.convert_help).items():
            choices = re.search(r" \{([\w,]+)\}", line)
            if choices:
                self.assertEqual(self.bash(option, "", program="limn-convert"), sorted(choices.group(1).split(",")))

    def test_bash_completes_the_networks_and_instruction_sets_that_the_program_knows(self):
        for arguments, pattern in (
            (["--network", "none"], "expected one of (.*)"),
            (["--network", "lip", "--target", "none"], r"processor has \((.*)\)"),
        ):
            done = subprocess.run([PROGRAM, "bench", *arguments], capture_output=True, text=True, check=False)
            known = re.search(pattern, done.stderr).group(1).split(", ")
            self.assertLessEqual(set(known), set(self.bash("bench", arguments[-2], "")))
        self.assertEqual(self.bash("bench", "--network", "hr"), ["hrnet-w32", "hrnet-w48"])

    def test_bash_completes_files_folders_and_lists(self):
        os.mkdir(self.path("folder"))
        with open(self.path("film.mp4"), "wb"):
            pass
        self.assertEqual(self.bash("video", "f"), ["film.mp4", "folder"])
        self.assertEqual(self.bash("video", "--model", "f"), ["film.mp4", "folder"])
        self.assertEqual(self.bash("video", "--openpose", "f"), ["folder"])
        self.assertEqual(self.bash("evaluate", "--boxes", "d"), ["detect"])
        self.assertEqual(self.bash("evaluate", "--boxes", "f"), ["film.mp4", "folder"])
        self.assertEqual(self.bash("video", "--threads", ""), [])
        self.assertEqual(self.bash("video", "--overlay", "tr"), ["trail"])
        self.assertEqual(self.bash("video", "--overlay", "links,id,tr"), ["links,id,trail"])

    def test_bash_completions_are_clean(self):
        if not shutil.which("shellcheck"):
            self.skipTest("skipped: shellcheck is not installed")
        for name in ("limn", "limn-convert"):
            subprocess.run(["shellcheck", self.path("made/bash/" + name)], check=True)

    # ---- zsh and fish ------------------------------------------------------------------------------------------------

    def zsh(self, line, shown):
        """What an interactive zsh shows after a Tab at the end of the line, among it `shown`."""
        setup = f"fpath=({self.path('made/zsh')} $fpath); autoload -U compinit; compinit -u -D; LISTMAX=9999; "
        setup += "zstyle ':completion:*' verbose no; stty columns 200 rows 200 -echo; PS1=; print rea''dy\n"
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.environ.update(TERM="dumb", HOME=self.folder, LC_ALL="C.UTF-8")
            os.execvp("zsh", ["zsh", "-f", "-i"])
        try:
            os.write(terminal, setup.encode())
            self.text_of(terminal, "ready")
            os.write(terminal, (line + "\t").encode())
            return self.text_of(terminal, shown)
        finally:
            os.close(terminal)
            os.waitpid(pid, 0)

    @staticmethod
    def text_of(terminal, wanted):
        """What the terminal shows until it is silent and has shown `wanted`, or for half a minute."""
        text = ""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                text += os.read(terminal, 65536).decode("utf-8", "replace")
            elif wanted in text:
                break
        return text

    def test_zsh_completes_subcommands_and_every_option(self):
        if not shutil.which("zsh"):
            self.skipTest("skipped: zsh is not installed")
        shown = self.zsh("limn ", "estimate")
        for command in commands():
            self.assertRegex(shown, rf"\b{command}\b")
        for name, text in self.helps.items():
            if name:
                shown = self.zsh(f"limn {name} --", "--help").split()
                wanted = [option for option in options_in(text) if option.startswith("--")]
                self.assertLessEqual(set(wanted), set(shown), name)

    def fish(self, line):
        done = subprocess.run(
            ["fish", "--no-config", "-c", SOURCED, self.path("made/fish/limn.fish"), line],
            cwd=self.folder,
            env={**os.environ, "HOME": self.folder},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return [shown.split("\t")[0] for shown in done.stdout.splitlines()]

    def test_fish_completes_subcommands_and_every_option(self):
        if not shutil.which("fish"):
            self.skipTest("skipped: fish is not installed")
        self.assertLessEqual(set(commands()), set(self.fish("limn ")))
        for name, text in self.helps.items():
            wanted = [option for option in options_in(text) if option.startswith("--")]
            self.assertEqual(sorted(self.fish(f"limn {name} --".replace("  ", " "))), sorted(wanted), name)
        self.assertEqual(sorted(self.fish("limn evaluate --metric pck")), ["pck", "pckh"])

    # ---- Reading -----------------------------------------------------------------------------------------------------

    def test_options_are_read_where_there_is_room_for_one_blank_only(self):
        line = "  --smooth,--no-smooth{false} Or not\n"
        (option,) = read_help("What\nUsage: limn this [OPTIONS]\n\nOptions:\n" + line + "\nThe end.\n").options()
        self.assertEqual(option.names, ("--smooth", "--no-smooth"))
        self.assertEqual(option.description, "Or not")

    def test_help_that_is_laid_out_otherwise_is_an_error(self):
        for text in ("", "Usage: limn [OPTIONS]\n", "What\nUsage: limn [OPTIONS]\n\nOptions:\n  --bare\n"):
            with self.assertRaises(ValueError):
                read_help(text)


if __name__ == "__main__":
    skip_without_program()
    unittest.main()
