#!/usr/bin/env python3
"""All of limn's headers in one file, for projects that take a single header.

    tools/single_header.py limn.hpp

It holds what <limn/limn.hpp> and, where stb is to be found, <limn/image/io.hpp> hold, and needs Eigen as they do. A file
is written only if it differs. Exit status 1 if the headers cannot be one.
"""

import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDE = os.path.join(ROOT, "include")
BEGINNING = """// limn {version}, human pose estimation on a CPU, in one header. Made by tools/single_header.py of its headers, which
// are under the licence below; change those.
//
{licence}
#pragma once

#ifdef LIMN_COMPILED
#error "the single header has all definitions: it is not for limn::compiled"
#endif
"""
PARTS = """#include <limn/limn.hpp>
#if __has_include(<stb_image.h>) && __has_include(<stb_image_write.h>)
#include <limn/image/io.hpp>
#endif
"""


def lines_of(name):
    with open(os.path.join(INCLUDE, name), encoding="ascii") as file:
        return file.read().splitlines()


class Joiner:
    """Puts each header where it is first included. What has no #pragma once is put wherever it is included."""

    def __init__(self):
        self.seen = {}  # header: the conditions under which it was put
        self.lines = []

    def put(self, lines, conditions=()):
        conditions = list(conditions)
        for line in lines:
            included = re.match(r"#\s*include <(limn/[^>]+)>", line)
            if included:
                self.put_header(included.group(1), tuple(conditions))
                continue
            if line.startswith("#pragma once"):
                continue
            directive = re.match(r"#\s*(if|ifdef|ifndef|elif|else|endif)\b\s*(.*)", line)
            if directive:
                kind, condition = directive.groups()
                if kind in ("elif", "else", "endif"):
                    conditions.pop()
                if kind != "endif":
                    conditions.append(f"{kind} {condition}".strip())
            self.lines.append(line)

    def put_header(self, name, conditions):
        lines = lines_of(name)
        # Never so here: see BEGINNING.
        conditions = tuple(c for c in conditions if c != "ifndef LIMN_COMPILED")
        if any(line.startswith("#pragma once") for line in lines):
            if name in self.seen:
                before = self.seen[name]
                if conditions[: len(before)] != before:
                    raise SystemExit(f"single_header.py: {name}: included under {before}, and again under {conditions}")
                return
            self.seen[name] = conditions
        self.lines.append(f"// ---- {name}")
        self.put(lines, conditions)


def single_header():
    joiner = Joiner()
    joiner.put(PARTS.splitlines())
    version = re.search(r'#define LIMN_VERSION "(.*)"', "\n".join(lines_of("limn/core/version.hpp"))).group(1)
    with open(os.path.join(ROOT, "LICENSE"), encoding="utf-8") as file:
        licence = "\n".join(("// " + line).rstrip() for line in file.read().strip().splitlines())
    text = BEGINNING.format(version=version, licence=licence) + "\n".join(joiner.lines) + "\n"
    return re.sub(r"\n{3,}", "\n\n", text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", help="the file to write")
    output = parser.parse_args().output
    text = single_header()
    try:
        with open(output, encoding="utf-8") as file:
            if file.read() == text:
                return
    except (OSError, UnicodeError):
        pass
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
