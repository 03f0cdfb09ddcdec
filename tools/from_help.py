#!/usr/bin/env python3
"""from_help.py OUT_DIR VERSION PROGRAM...: manual pages and what bash, zsh and fish complete, made of what PROGRAM
--help and PROGRAM SUBCOMMAND --help print. PROGRAM is a file, or NAME=SCRIPT.py for one that is installed as NAME.

Into OUT_DIR: man/NAME.1, bash/NAME, zsh/_NAME and fish/NAME.fish. The pages' date is SOURCE_DATE_EPOCH's, or today.
"""

import datetime
import os
import shutil
import sys

from limn_help.completions import bash_completion, fish_completion, zsh_completion
from limn_help.man import man_page, page_name
from limn_help.text import read_program


def write(path, text):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def main(arguments):
    if len(arguments) < 3:
        print(__doc__.partition("\n\n")[0], file=sys.stderr)
        return 2
    output, version, *programs = arguments
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc) if epoch else datetime.datetime.now()
    folders = {kind: os.path.join(output, kind) for kind in ("man", "bash", "zsh", "fish")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)  # no page may stay of a subcommand that is no more
        os.makedirs(folder)
    for program in programs:
        pages = read_program(program)
        names = [page_name(page.program) for page in pages]
        for page, name in zip(pages, names):
            others = names[1:] if page is pages[0] else names[:1]
            write(os.path.join(folders["man"], name + ".1"), man_page(page, version, now.strftime("%Y-%m-%d"), others))
        write(os.path.join(folders["bash"], names[0]), bash_completion(pages))
        write(os.path.join(folders["zsh"], "_" + names[0]), zsh_completion(pages))
        write(os.path.join(folders["fish"], names[0] + ".fish"), fish_completion(pages))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
