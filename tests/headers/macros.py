#!/usr/bin/env python3
"""macros.py INCLUDE_DIR -- COMPILER FLAGS...

Includes all of limn's headers and fails if one of them
 - leaves a macro behind whose name does not begin with LIMN_ (the dependencies' headers may define what they like, except
   stb's, of which limn/image/stb.hpp makes a copy of limn's own), or
 - takes away or changes a macro that the program defined before.
The preprocessor (GCC's and Clang's -E -dD) says which file each #define and #undef stands in. What is defined in the end
is asked by #ifdef, for GCC's -dM does not obey _Pragma.
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
    """Who defined each macro last, and what was undefined, both by limn: {macro: file}, {macro: file}."""

    def ours(file):
        return file.startswith(os.path.realpath(include_dir) + os.sep) or os.path.basename(file).startswith("stb_image")

    file = ""
    defined = {}
    undefined = {}
    for line in lines:
        marker = re.match(r'# \d+ "([^"]*)"', line)
        if marker:
            file = os.path.realpath(marker.group(1))
        elif line.startswith("#define "):
            defined[macro_name(line)] = file
        elif line.startswith("#undef ") and ours(file):
            undefined[macro_name(line)] = file
    return {macro: file for macro, file in defined.items() if ours(file)}, undefined


def macro_name(line):
    return re.match(r"#\w+ (\w+)", line).group(1)


def defined_after(compiler, source, macros):
    """Those of `macros` that are defined after `source`, and what they stand for: {macro: text}."""
    asked = "".join(f"\n#ifdef {macro}\nlimn_found {macro[:1]} {macro[1:]} {macro} limn_end\n#endif" for macro in macros)
    text = " ".join(preprocess(compiler, source + asked + "\n", "-P", "-w"))
    return {first + rest: value for first, rest, value in re.findall(r"limn_found (\S) (\S+)\s+(.*?)\s+limn_end", text)}


def problems(compiler, include_dir):
    source = "".join(f"#include <{header}>\n" for header in all_headers(include_dir))
    defined, undefined = directives(preprocess(compiler, source, "-dD"), include_dir)
    foreign = sorted(macro for macro in {*undefined, *defined} if not macro.startswith("LIMN_"))
    for macro in defined_after(compiler, source, foreign):
        yield f"{defined[macro]}: leaves {macro} defined"

    before = "".join(f"#define {macro} the_program_says\n" for macro in foreign)
    after = defined_after(compiler, before + source, foreign)
    for macro in foreign:
        if after.get(macro) != "the_program_says":
            yield f"{undefined.get(macro) or defined.get(macro)}: does not leave {macro} as the program defined it"


def main():
    include_dir, separator, *compiler = sys.argv[1:]
    assert separator == "--"
    found = list(problems(compiler, include_dir))
    print("\n".join(found + [f"{len(list(all_headers(include_dir)))} headers, {len(found)} problems"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
