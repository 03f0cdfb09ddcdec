#!/usr/bin/env python3
"""macros.py INCLUDE_DIR -- COMPILER FLAGS...

Includes all of limn's headers and fails if one of them
 - leaves a macro behind whose name does not begin with LIMN_ (the dependencies' headers may define what they like), or
 - takes away or changes a macro that the program defined before (except stb's own: limn/image/stb.hpp has a copy of stb).
The preprocessor (GCC's and Clang's -E -dD) says which file each #define and #undef stands in.
"""

import os
import re
import subprocess
import sys


def all_headers(include_dir):
    for folder, _, files in sorted(os.walk(os.path.join(include_dir, "limn"))):
        for name in sorted(files):
            if name.endswith(".hpp"):
                yield os.path.relpath(os.path.join(folder, name), include_dir).replace(os.sep, "/")


def preprocess(compiler, source, *flags):
    command = [*compiler, *flags, "-x", "c++", "-E", "-"]
    result = subprocess.run(command, input=source, stdout=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        sys.exit("macros.py: failed: " + " ".join(command))
    return result.stdout.splitlines()


def directives(lines, include_dir):
    """Who defined each macro last, and what limn undefined: {macro: file}, {macro: file}."""
    ours = os.path.realpath(include_dir) + os.sep
    file = ""
    defined = {}
    undefined = {}
    for line in lines:
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            file = os.path.realpath(marker.group(1))
        elif line.startswith("#define "):
            defined[macro_name(line)] = file
        elif line.startswith("#undef ") and file.startswith(ours):
            undefined[macro_name(line)] = file
    return {macro: file for macro, file in defined.items() if file.startswith(ours)}, undefined


def macro_name(line):
    return re.match(r"#\w+ (\w+)", line).group(1)


def problems(compiler, include_dir):
    source = "".join(f"#include <{header}>\n" for header in all_headers(include_dir))
    defined, undefined = directives(preprocess(compiler, source, "-dD"), include_dir)
    left = {macro_name(line) for line in preprocess(compiler, source, "-dM")}
    for macro in sorted(left & set(defined)):
        if not macro.startswith("LIMN_"):
            yield f"{defined[macro]}: leaves {macro} defined"

    touched = sorted(set(undefined) | set(defined))
    foreign = [macro for macro in touched if not macro.startswith("LIMN_") and not macro.lower().startswith("stb")]
    before = "".join(f"#define {macro} the_program's\n" for macro in foreign)
    after = set(preprocess(compiler, before + source, "-dM", "-w"))
    for line in before.splitlines():
        macro = macro_name(line)
        if line not in after:
            yield f"{undefined.get(macro) or defined.get(macro)}: does not leave {macro} as the program defined it"


def main():
    include_dir, separator, *compiler = sys.argv[1:]
    assert separator == "--"
    found = list(problems(compiler, include_dir))
    print("\n".join(found + [f"{len(list(all_headers(include_dir)))} headers, {len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
