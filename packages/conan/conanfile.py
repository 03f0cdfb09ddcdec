"""limn for Conan 2: `conan create packages/conan` in a clone. The sources are the clone's: there is no release yet to download;
for one, CONTRIBUTING.md ("Releases") says what takes the place of export_sources()."""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class LimnConan(ConanFile):
    name = "limn"
    description = "Human pose estimation on a CPU: header-only C++17 on Eigen"
    license = "MIT"
    topics = ("pose-estimation", "computer-vision", "neural-network", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    # stb: for <limn/image/io.hpp>, which reads and writes picture files.
    options = {"stb": [True, False]}
    default_options = {"stb": False}
    no_copy_source = True

    def _clone(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._clone(), "include", "limn", "core", "version.hpp"))
        self.version = re.search(r'#define LIMN_VERSION "(.*)"', header).group(1)

    def export_sources(self):
        copy(self, "LICENSE", self._clone(), self.export_sources_folder)
        copy(self, "include/limn/*", self._clone(), self.export_sources_folder)

    def layout(self):
        basic_layout(self, src_folder=".")

    def requirements(self):
        self.requires("eigen/3.4.0", transitive_headers=True)
        if self.options.stb:
            self.requires("stb/cci.20240531", transitive_headers=True)

    def package_id(self):
        self.info.clear()  # headers are the same for everybody

    def validate(self):
        check_min_cppstd(self, 17)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        for ending in ("h", "hpp", "inl"):
            copy(self, f"*.{ending}", os.path.join(self.source_folder, "include"),
                 os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
        self.cpp_info.set_property("cmake_file_name", "limn")
        self.cpp_info.set_property("cmake_target_name", "limn::limn")
        self.cpp_info.set_property("pkg_config_name", "limn")
