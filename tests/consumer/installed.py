#!/usr/bin/env python3
"""installed.py PREFIX SOURCE_DIR: what `cmake --install` has put into PREFIX works from there. Needs numpy."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

PREFIX, SOURCE = (os.path.abspath(path) for path in sys.argv[1:3])
sys.path.insert(0, os.path.join(SOURCE, "tests", "tools"))

from checkpoints import arrays_of, tensor, zip_checkpoint
from folder_test_case import FolderTestCase

LIMN = os.path.join(PREFIX, "bin", "limn")
CONVERT = os.path.join(PREFIX, "bin", "limn-convert")
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("LIMN_MODEL", "LIMN_DETECTOR")}


def run(*command, **options):
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False, **options)


class Installed(FolderTestCase):
    def share(self, *names):
        """The file or folder, or as Debian has it: manual pages compressed, zsh's in a folder of packages."""
        path = os.path.join(PREFIX, "share", *names)
        for place in (path, path + ".gz", path.replace("site-functions", "vendor-completions")):
            if os.path.exists(place):
                return place
        return self.fail("there is no " + path)

    def commands(self):
        listed = run(LIMN, "--help").stdout.partition("Subcommands:\n")[2].partition("\n\n")[0]
        return re.findall(r"^  (\S+)", listed, re.MULTILINE)

    def test_limn_finds_five_people(self):
        photo = os.path.join(SOURCE, "examples", "photos", "five_people.jpg")
        done = run(LIMN, "estimate", photo, "--no-pictures", "--json", "-", "--quiet")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        (found,) = json.loads(done.stdout)["photos"]
        self.assertEqual(len(found["poses"]), 5)

    def test_limn_looks_for_its_model_beside_itself_and_not_where_it_was_built(self):
        os.makedirs(os.path.join(self.folder, "bin"))
        os.makedirs(os.path.join(self.folder, "share", "limn"))
        program = shutil.copy(LIMN, os.path.join(self.folder, "bin", "limn"))
        for name in os.listdir(self.share("limn")):
            if name.endswith(".safetensors"):
                with open(os.path.join(self.folder, "share", "limn", name), "wb") as file:
                    file.write(b"no model")
        done = run(program, "info")
        self.assertEqual(done.returncode, 2)
        self.assertIn(os.path.join(self.folder, "share", "limn", ""), done.stderr)

    def test_limn_convert_converts(self):
        checkpoint = os.path.join(self.folder, "narrow.pth")
        with open(checkpoint, "wb") as file:
            file.write(zip_checkpoint({name: tensor(array) for name, array in arrays_of().items()}))
        model = os.path.join(self.folder, "narrow.safetensors")
        done = run(sys.executable, CONVERT, checkpoint, model)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(run(LIMN, "info", model).returncode, 0)
        done = run(sys.executable, CONVERT, os.path.join(self.folder, "no.pth"), model)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith("limn-convert: "), done.stderr)

    def test_there_is_a_manual_page_for_each_subcommand(self):
        self.assertTrue(self.commands())
        for page in ["limn", "limn-convert", *("limn-" + name for name in self.commands())]:
            path = self.share("man", "man1", page + ".1")
            if shutil.which("man") and sys.platform == "linux":
                done = run("man", "-l", path)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("SYNOPSIS", done.stdout)

    def test_shells_complete(self):
        for shell, names in (
            (("bash-completion", "completions"), ("limn", "limn-convert")),
            (("zsh", "site-functions"), ("_limn", "_limn-convert")),
            (("fish", "vendor_completions.d"), ("limn.fish", "limn-convert.fish")),
        ):
            for name in names:
                self.share(*shell, name)
        if run("bash", "-c", "(( BASH_VERSINFO[0] >= 4 ))").returncode != 0:
            self.skipTest("skipped: no bash from 4 on")
        script = 'source "$1"; COMP_WORDS=(limn ""); COMP_CWORD=1; _limn; echo "${COMPREPLY[@]}"'
        done = run("bash", "-c", script, "bash", self.share("bash-completion", "completions", "limn"))
        self.assertEqual(done.stdout.split(), [*self.commands(), "-h", "--help", "--version"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
