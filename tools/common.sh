# Sourced by the scripts beside it: what they install and how they build. Bash.

# Debian's packages, one list for each purpose.
packages_program="g++ cmake make ninja-build libeigen3-dev nlohmann-json3-dev libstb-dev libcli11-dev"
packages_test="doctest-dev libturbojpeg0-dev python3 python3-numpy clang-format-14 doxygen ffmpeg pkg-config"
packages_clang="clang"
packages_sanitizers="libclang-rt-dev"
packages_fuzz="$packages_sanitizers python3-onnx"
packages_shells="mandoc zsh fish shellcheck"
packages_large_runs="slurmd slurmctld slurm-client munge parallel python3-distributed"
packages_neon="g++-aarch64-linux-gnu qemu-user"
packages_windows="g++-mingw-w64-x86-64-posix wine wine64"
packages_wasm="emscripten nodejs"
packages_web="$packages_wasm libeigen3-dev nlohmann-json3-dev libstb-dev python3"
packages_debian="dpkg-dev debhelper dh-python doxygen python3 python3-numpy lintian shellcheck debootstrap autopkgtest"
packages_reference="python3-torch python3-pil"

# What the same things are called elsewhere.
needed_elsewhere="a C++17 compiler, CMake 3.24 or later, Make or Ninja, Eigen 3.4 or 5, nlohmann/json 3.9, stb_image, CLI11 2; \
for the tests also doctest 2.4, Python 3.9 with numpy, and ffmpeg"

say() { echo "limn: $*"; }
fail() { echo "limn: $*" >&2; exit 1; }

# install_packages PACKAGE...: installs those that are missing on Debian and what is made of it, and only those. Where
# that cannot be done it says what is needed and goes on: the rest of the script shows whether it is there.
install_packages() {
  if ! command -v apt-get > /dev/null || ! command -v dpkg-query > /dev/null; then
    say "this is not Debian or Ubuntu, so nothing is installed. Needed: $needed_elsewhere."
    return
  fi
  local package missing=()
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    return
  fi
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null; then
      say "missing, and neither root nor sudo to install them: apt-get install ${missing[*]}"
      return
    fi
    as_root=(sudo)
    # Nobody to ask for a password: sudo must not wait for one.
    [ -t 0 ] || as_root=(sudo -n)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q < /dev/null || true
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
       "${missing[@]}" < /dev/null; then
    say "apt-get failed. Going on; needed are: ${missing[*]}"
  fi
}

# Ninja where it is installed, unless the caller has chosen a generator.
choose_generator() {
  if [ -z "${CMAKE_GENERATOR:-}" ] && command -v ninja > /dev/null; then
    export CMAKE_GENERATOR=Ninja
  fi
}

# portable_headers FOLDER NAME...: links in FOLDER to those of the system's headers that are the same for every processor,
# without the system's own, which are not.
portable_headers() {
  local folder=$1 name
  shift
  mkdir -p "$folder"
  for name in "$@"; do
    ln -sfn "/usr/include/$name" "$folder/$name"
  done
}

# Where Debian puts the modules that emscripten needs.
find_emscriptens_modules() { export NODE_PATH=/usr/share/nodejs${NODE_PATH:+:$NODE_PATH}; }

# Number of jobs: $JOBS, or one for each processor, but no more than the memory is good for (1.5 GB for each compiler).
job_count() {
  local count=${JOBS:-} kilobytes
  if [ -z "$count" ]; then
    count=$(getconf _NPROCESSORS_ONLN 2> /dev/null || echo 2)
    kilobytes=$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2> /dev/null || true)
    if [ -n "$kilobytes" ] && [ $((kilobytes / 1500000)) -lt "$count" ]; then
      count=$((kilobytes / 1500000))
    fi
    [ "$count" -ge 1 ] || count=1
  fi
  echo "$count"
}

# closing_line JUNIT_FILE...: "N passed, N failed, N skipped", over all the files. A file that is not there (its build
# broke) counts as one failure. Fails if a test failed or none ran.
closing_line() {
  local file tests=0 failed=0 skipped=0 count name
  for file in "$@"; do
    if [ ! -s "$file" ]; then
      tests=$((tests + 1)) failed=$((failed + 1))
      continue
    fi
    for name in tests failures disabled skipped; do
      # ctest writes the totals as attributes of the first element, one on each line.
      count=$(sed -n "/<testsuite/,/>/s/.*[[:space:]]$name=\"\([0-9]*\)\".*/\1/p" "$file" | head -n 1)
      case $name in
        tests) tests=$((tests + ${count:-0})) ;;
        failures) failed=$((failed + ${count:-0})) ;;
        *) skipped=$((skipped + ${count:-0})) ;;
      esac
    done
  done
  echo "$((tests - failed - skipped)) passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ] && [ $((tests - skipped)) -gt 0 ]
}
