#!/usr/bin/env bash
# Builds limn's Debian packages of the last commit, and tests them as somebody gets them who has nothing else: lintian,
# then in a bare system of the same release (debootstrap, from the mirror that apt has here) the tests of debian/tests,
# then all packages installed and removed. Root, Debian.
#
#   tools/package_test.sh
#
# Environment:
#   JOBS               compilers at a time (default: one for each processor)
#   LIMN_BUILD_DIR     where to build (default: build/package); the packages stay there
#   LIMN_INSTALL       0 installs nothing
#
# The last line says what passed. Exit status 0 if all did.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/common.sh

[ "$(id -u)" -eq 0 ] || fail "a system of its own is made and entered, which takes root"
if [ "${LIMN_INSTALL:-1}" != 0 ]; then
  # shellcheck disable=SC2086 # lists of words
  install_packages $packages_program $packages_debian
fi
mkdir -p "${LIMN_BUILD_DIR:-build/package}"
build=$(cd "${LIMN_BUILD_DIR:-build/package}" && pwd)
bare=$build/bare
step() { say "--- $SECONDS s: $*"; }

# No mount may be left when the system is deleted.
leave() {
  ! mountpoint -q "$bare/proc" || umount "$bare/proc"
  rm -rf --one-file-system "$bare"
}
leave
trap leave EXIT

version=$(dpkg-parsechangelog -S Version)
source=$build/limn-$version
step "limn $version of $(git rev-parse --short HEAD)"
[ -z "$(git status --porcelain)" ] || say "what is not committed is not in it"
rm -rf "$source" "$build"/*.deb "$build"/*.dsc "$build"/*.changes "$build"/*.tar.xz "$build"/*.buildinfo
mkdir "$source"
git archive HEAD | tar -x -C "$source"

step "dpkg-buildpackage"
(cd "$source" && DEB_BUILD_OPTIONS="parallel=$(job_count)" dpkg-buildpackage -us -uc) > "$build/build.log" 2>&1 ||
  { tail -n 50 "$build/build.log"; fail "dpkg-buildpackage failed; all of what it said is in $build/build.log"; }
debs=()
for deb in "$build"/*.deb; do
  case $deb in *-dbgsym_*) continue ;; esac
  debs+=("$deb")
  say "${deb##*/}: $(stat -c %s "$deb") bytes, $(dpkg-deb -c "$deb" | grep -vc '/$') files"
done

step "lintian"
lintian --allow-root --display-info --pedantic --fail-on error,warning,info,pedantic "$build"/limn_*.changes
find tools/package_test.sh debian/tests -type f -not -name control -exec shellcheck -x {} +

step "a bare system"
apt-get update -q > /dev/null
# shellcheck disable=SC1091 # there on every such system
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016 # apt-get's own variables
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' |
  awk -v release="$release" '$1 == release && $2 == "main" && !found++ { print $3 }')
[ -n "$mirror" ] || fail "apt has no mirror of $release here"
proxy=''
eval "$(apt-config shell proxy Acquire::http::Proxy)"
[ -z "$proxy" ] || export http_proxy=$proxy
debootstrap --variant=minbase "$release" "$bare" "$mirror" > "$build/debootstrap.log" ||
  { tail "$build/debootstrap.log"; fail "debootstrap failed"; }
[ -z "$proxy" ] || echo "Acquire::http::Proxy \"$proxy\";" > "$bare/etc/apt/apt.conf.d/proxy"
mount -t proc proc "$bare/proc"
say "$(chroot "$bare" dpkg-query -W -f '.\n' | wc -l) packages in it"

step "debian/tests"
rm -rf "$build/autopkgtest"
status=0
autopkgtest --quiet --no-built-binaries --output-dir "$build/autopkgtest" "${debs[@]}" "$build"/limn_*.dsc -- \
  chroot "$bare" > "$build/autopkgtest.log" 2>&1 || status=$?
cat "$build/autopkgtest/summary"
# 2: at least one test was skipped, which none here may be.
[ "$status" -eq 0 ] || { tail -n 100 "$build/autopkgtest.log"; fail "autopkgtest: exit status $status"; }

step "all installed and removed"
mkdir "$bare/debs"
cp "${debs[@]}" "$bare/debs"
in_it() { chroot "$bare" env DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"; }
in_it sh -c 'apt-get install -q -y --no-install-recommends /debs/*.deb' > "$build/install.log" 2>&1 ||
  { tail -n 30 "$build/install.log"; fail "apt-get install failed"; }
say "$(in_it limn --version) from $(in_it dpkg-query -W -f '.\n' '*limn*' | wc -l) packages"
in_it sh -c 'apt-get purge -q -y "*limn*"' >> "$build/install.log" 2>&1 ||
  { tail -n 30 "$build/install.log"; fail "apt-get purge failed"; }
left=$(find "$bare/usr" "$bare/etc" "$bare/var/lib" -iname '*limn*' -not -path '*/apt/lists/*')
[ -z "$left" ] || fail "left behind: $left"

step "all"
count=$(grep -c ' PASS' "$build/autopkgtest/summary")
say "passed: build, lintian, $count tests of debian/tests, installation, removal"
