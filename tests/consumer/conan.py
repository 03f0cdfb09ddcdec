#!/usr/bin/env python3
"""conan.py SOURCE_DIR OUTPUT_DIR VERSION CMAKE GENERATOR COMPILER EIGEN_DIR

Runs Conan's recipe in the order in which Conan runs it, with the part of Conan's interface that it uses replaced by what it
comes to here, and builds the recipe's test program against the package that came of it. Conan itself is not needed.
"""

import fnmatch
import os
import shutil
import subprocess
import sys
import types

# What Conan 2 reads of a recipe, as far as a header library may need it: docs.conan.io/2/reference/conanfile.
ATTRIBUTES = {"name", "version", "description", "license", "author", "topics", "homepage", "url", "package_type", "settings", "options",
              "default_options", "options_description", "no_copy_source", "exports", "exports_sources", "languages"}
METHODS = {"set_name", "set_version", "export", "export_sources", "config_options", "configure", "layout", "requirements",
           "build_requirements", "package_id", "validate", "source", "generate", "build", "package", "package_info", "test"}


class InvalidConfiguration(Exception):
    pass


class CppInfo:
    def __init__(self):
        self.includedirs, self.libdirs, self.bindirs = ["include"], ["lib"], ["bin"]
        self.libs, self.system_libs, self.defines, self.properties = [], [], [], {}

    def set_property(self, name, value):
        self.properties[name] = value


class Values(types.SimpleNamespace):
    def clear(self):
        self.__dict__.clear()


class ConanFile:
    def requires(self, reference, **traits):
        self.required.append((reference, traits))


def copy(_, pattern, src, dst):
    copied = 0
    for folder, _, files in os.walk(src):
        for name in files:
            path = os.path.relpath(os.path.join(folder, name), src)
            if fnmatch.fnmatch(path, pattern):
                target = os.path.join(dst, path)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                shutil.copy(os.path.join(folder, name), target)
                copied += 1
    assert copied > 0, f"nothing in {src} is called {pattern}"


def load(_, path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_min_cppstd(conanfile, least):
    if int(conanfile.settings.compiler.cppstd) < least:
        raise InvalidConfiguration(f"C++{least} is needed")


def basic_layout(conanfile, src_folder):
    conanfile.source_folder = os.path.join(conanfile.source_folder, src_folder)


def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__dict__.update(members)


def recipe_class(path):
    module("conan", ConanFile=ConanFile)
    module("conan.tools")
    module("conan.tools.files", copy=copy, load=load)
    module("conan.tools.build", check_min_cppstd=check_min_cppstd)
    module("conan.tools.layout", basic_layout=basic_layout)
    names = {}
    exec(compile(load(None, path), path, "exec"), names)  # as Conan does: a recipe is no module of anything
    return next(value for value in names.values() if isinstance(value, type) and issubclass(value, ConanFile)
                and value is not ConanFile)


def make(kind, source, folder, stb, cppstd):
    """What `conan create -o "&:stb=..." -s compiler.cppstd=...` does up to package_info(), and the recipe after it."""
    recipe = kind()
    recipe.required = []
    recipe.recipe_folder = os.path.join(source, "packages", "conan")
    recipe.export_sources_folder = recipe.source_folder = os.path.join(folder, "exported")
    recipe.package_folder = os.path.join(folder, "package")
    recipe.set_version()
    recipe.export_sources()
    recipe.recipe_folder = None  # in Conan's cache the clone is not beside it any more
    recipe.settings = types.SimpleNamespace(os="Linux", arch="x86_64", build_type="Release",
                                            compiler=types.SimpleNamespace(cppstd=cppstd))
    assert set(kind.default_options) == set(kind.options)
    recipe.options = types.SimpleNamespace(**{**kind.default_options, "stb": stb})
    recipe.info = Values(settings=recipe.settings, options=recipe.options, requires=recipe.required)
    recipe.cpp_info = CppInfo()
    recipe.layout()
    recipe.requirements()
    recipe.package_id()
    recipe.validate()
    recipe.package()
    recipe.package_info()
    return recipe


def headers(folder):
    return sorted(os.path.relpath(os.path.join(top, name), folder) for top, _, files in os.walk(folder) for name in files)


def main():
    source, output, version, cmake, generator, compiler, eigen = sys.argv[1:]
    shutil.rmtree(output, ignore_errors=True)
    kind = recipe_class(os.path.join(source, "packages", "conan", "conanfile.py"))
    unknown = {name for name in vars(kind) if not name.startswith("_")} - ATTRIBUTES - METHODS
    assert not unknown, f"Conan knows nothing of {unknown}"
    assert kind.package_type == "header-library"

    recipe = make(kind, source, os.path.join(output, "plain"), stb=False, cppstd="17")
    assert (recipe.name, recipe.version) == ("limn", version), (recipe.name, recipe.version)
    assert [reference for reference, _ in recipe.required] == ["eigen/3.4.0"], recipe.required
    assert not vars(recipe.info), "the package depends on something, but headers are the same for everybody"
    assert headers(os.path.join(recipe.package_folder, "include")) == headers(os.path.join(source, "include"))
    assert os.path.exists(os.path.join(recipe.package_folder, "licenses", "LICENSE"))
    info = recipe.cpp_info
    assert not info.libdirs and not info.bindirs and not info.libs

    with_stb = make(kind, source, os.path.join(output, "stb"), stb=True, cppstd="20")
    assert [reference.split("/")[0] for reference, _ in with_stb.required] == ["eigen", "stb"], with_stb.required
    assert all(traits == {"transitive_headers": True} for _, traits in with_stb.required)
    try:
        make(kind, source, os.path.join(output, "old"), stb=False, cppstd="14")
        raise AssertionError("C++14 is taken")
    except InvalidConfiguration:
        pass

    # What Conan's CMakeDeps makes of package_info(), and Eigen's package beside it.
    target = info.properties["cmake_target_name"]
    includes = [os.path.join(recipe.package_folder, folder) for folder in info.includedirs] + [eigen]
    with open(os.path.join(output, info.properties["cmake_file_name"] + "Config.cmake"), "w", encoding="utf-8") as file:
        file.write(f"add_library({target} INTERFACE IMPORTED)\n"
                   f"target_include_directories({target} INTERFACE {' '.join(includes)})\n"
                   f"target_link_libraries({target} INTERFACE {' '.join(info.system_libs)})\n")
    build = os.path.join(output, "build")
    subprocess.run([cmake, "-S", os.path.join(source, "packages", "conan", "test_package"), "-B", build, "-G", generator,
                    f"-DCMAKE_CXX_COMPILER={compiler}", f"-Dlimn_DIR={output}"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([cmake, "--build", build], check=True, stdout=subprocess.DEVNULL)
    said = subprocess.run([os.path.join(build, "consumer")], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert said == f"limn {version}\n", said


if __name__ == "__main__":
    main()
