#!/usr/bin/env python3
"""style.py ascii|clang-format|readme|folders|versions SOURCE_DIR

ascii: C++, Python, JavaScript, CMake and shell sources, and all in debian/, are plain ASCII without trailing blanks, and
without tabs where they are not a makefile's.
clang-format: the C++ sources are as clang-format 14 and .clang-format lay them out (versions differ from one another;
skipped where this one is not installed).
readme: the code below <!-- FILE --> in README.md is what FILE holds.
folders: a folder of include/limn/ includes only those that stand above it in CONTRIBUTING.md's tree, and only
pose/pose_json.hpp includes nlohmann/json.
versions: wherever limn's version is written, it is the same one.
"""

import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77
FOLDERS = ("include", "tests", "tools", "examples", "cmake", "packages", "web")
CPP = (".hpp", ".cpp", ".inl", ".h", ".c")
WEB = (".js", ".mjs", ".html", ".css", ".svg", ".webmanifest")
TEXT = CPP + WEB + (".py", ".cmake", ".in", ".sed", ".txt", ".sh")


def sources(root, endings):
    for name in sorted(os.listdir(root)):
        if name.endswith(endings):
            yield os.path.join(root, name)
    for top in FOLDERS:
        for folder, _, files in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(files):
                if name.endswith(endings):
                    yield os.path.join(folder, name)


def packaging(root):
    for folder in ("debian", "debian/source", "debian/tests"):  # and none of those that building packages leaves there
        paths = (os.path.join(root, folder, name) for name in sorted(os.listdir(os.path.join(root, folder))))
        yield from filter(os.path.isfile, paths)


def ascii_problems(path):
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")
    if os.path.basename(path) == "rules":
        lines = [line.lstrip(b"\t") for line in lines]
    for number, line in enumerate(lines, 1):
        if any(byte > 126 or byte < 32 for byte in line):
            yield f"{path}:{number}: a character that is not printable ASCII"
        if line.endswith(b" "):
            yield f"{path}:{number}: a trailing blank"
    if lines[-1] != b"":
        yield f"{path}: no newline at the end"
    if path.endswith(".hpp") and b"#pragma once" not in lines:
        yield f"{path}: no #pragma once"


def readme_problems(root):
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        blocks = re.findall(r"<!-- (\S+) -->\n```\w*\n(.*?)```\n", file.read(), re.DOTALL)
    for path, code in blocks:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            if file.read() != code:
                yield f"README.md: the code below <!-- {path} --> differs from that file"
    if not blocks:
        yield "README.md: no code below a line <!-- FILE -->"


def folder_problems(root):
    with open(os.path.join(root, "CONTRIBUTING.md"), encoding="utf-8") as file:
        tree = file.read().split("include/limn/\n", 1)[1].split("\ntools/", 1)[0]
    order = re.findall(r"^  (\w+)/ ", tree, re.MULTILINE)
    library = os.path.join(root, "include", "limn")
    folders = [name for name in os.listdir(library) if os.path.isdir(os.path.join(library, name))]
    if sorted(order) != sorted(folders):
        yield f"CONTRIBUTING.md: lists the folders {', '.join(order)}; there are {', '.join(sorted(folders))}"
        return
    for path in sources(root, ".hpp"):
        folder = os.path.relpath(path, library).split(os.sep)[0]
        if folder not in order:
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for included in re.findall(r"^#include <limn/(\w+)/", text, re.MULTILINE):
            if order.index(included) > order.index(folder):
                yield f"{path}: includes {included}/, which stands below {folder}/"
        if re.search(r"^ *# *include.*nlohmann|^ *# *include.*pose_json", text, re.MULTILINE):
            if not path.endswith("/pose_json.hpp"):
                yield f"{path}: includes nlohmann/json, which limn's headers do without"
        if re.search(r"^namespace limn\b(?! \{\ninline namespace LIMN_VERSION_NAMESPACE \{)", text, re.MULTILINE):
            yield f"{path}: opens limn without its inline namespace"


def version_problems(root):
    with open(os.path.join(root, "CMakeLists.txt"), encoding="utf-8") as file:
        version = re.search(r"^project\(limn VERSION (\d+\.\d+\.\d+) ", file.read(), re.MULTILINE).group(1)
    major, minor, patch = map(int, version.split("."))
    vcpkg = "packages/vcpkg/"
    places = (
        ("include/limn/core/version.hpp", r'#define LIMN_VERSION "(.*)"', version),
        ("include/limn/core/version.hpp", r"#define LIMN_VERSION_NUMBER (\d+)", str(10000 * major + 100 * minor + patch)),
        ("include/limn/core/version.hpp", r"#define LIMN_VERSION_NAMESPACE (\w+)", f"v{major}_{minor}_{patch}"),
        ("CHANGELOG.md", r"^## (\d+\.\d+\.\d+)", version),
        (vcpkg + "ports/limn/vcpkg.json", r'^  "version": "(.*)"', version),
        (vcpkg + "versions/baseline.json", r'"baseline": "(.*)"', version),
        (vcpkg + "versions/l-/limn.json", r'"version": "(.*)"', version),
    )
    for path, pattern, expected in places:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
        if not found or found.group(1) != expected:
            yield f"{path}: expected {expected} as in CMakeLists.txt, found {found.group(1) if found else 'none'}"


def clang_format():
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program:
            version = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True, check=False).stdout
            if "version 14." in version:
                return program
    return None


def main():
    check, root = sys.argv[1:]
    if check == "ascii":
        files = [*sources(root, TEXT), *packaging(root)]
        problems = [problem for path in files for problem in ascii_problems(path)]
        print("\n".join(problems + [f"{len(files)} files, {len(problems)} problems"]))
        return 1 if problems or not files else 0
    checks = {"readme": readme_problems, "folders": folder_problems, "versions": version_problems}
    if check in checks:
        problems = list(checks[check](root))
        print("\n".join(problems))
        return 1 if problems else 0
    program = clang_format()
    if not program:
        print("skipped: clang-format 14 is not installed")
        return SKIPPED
    files = list(sources(root, CPP))
    return subprocess.run([program, "--dry-run", "-Werror", *files], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
