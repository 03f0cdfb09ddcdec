#!/bin/sh
# pkg_config.sh OUTPUT_DIR PKG_CONFIG PREFIX LIBDIR VERSION STB_DIR COMPILER MODEL DETECTOR PHOTO: what the installed
# limn.pc and limn-c.pc say is enough to compile against the headers and to link the C interface.
set -eu
here=$(dirname "$0")
output=$1 pkg_config=$2 prefix=$3 libdir=$3/$4 version=$5 stb=$6 compiler=$7 model=$8 detector=$9
shift 9
photo=$1
mkdir -p "$output"
PKG_CONFIG_PATH="$prefix/share/pkgconfig:$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export PKG_CONFIG_PATH
for package in limn limn-c; do
  found=$("$pkg_config" --modversion "$package")
  [ "$found" = "$version" ] || { echo "$package: expected version $version, found $found"; exit 1; }
done

# A header that needs Eigen, and nothing that takes long to compile.
cat > "$output/headers.cpp" << 'EOS'
#include <limn/core/tensor.hpp>
#include <limn/core/version.hpp>
#include <cstdio>
int main() {
  std::puts(LIMN_VERSION);
  return limn::Tensor({1, 2, 3}).matrix().sum() == 0.0F ? 0 : 1;
}
EOS
# shellcheck disable=SC2046 # lists of options
"$compiler" -std=c++17 "$output/headers.cpp" -o "$output/headers" $("$pkg_config" --cflags --libs limn)
found=$("$output/headers")
[ "$found" = "$version" ] || { echo "headers: expected version $version, found $found"; exit 1; }

# shellcheck disable=SC2046 # lists of options
cc "$here/../c/people_in_photo.c" -I"$stb" -o "$output/people" $("$pkg_config" --cflags --libs limn-c) -lm
LD_LIBRARY_PATH="$libdir" "$output/people" "$model" "$detector" "$photo" | grep -q '^keypoint upper_neck '
