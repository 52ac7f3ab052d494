#!/bin/sh
# Install what the tests drive and cannot bring along themselves: Chromium, ffprobe, Chinese fonts, namespaces, LibreOffice,
# and the compilers of the native twin and of its fuzz targets.
# Only what is missing is installed, and only where apt-get may be used; otherwise the missing tools are named.
set -eu

packages=""
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}
need_fuzzer() { # libFuzzer is a package of its own, of clang's version
    version=$(clang -dumpversion 2>/dev/null) || return 0
    [ -n "$(find "$(clang -print-runtime-dir)" -name 'libclang_rt.fuzzer*' 2>/dev/null)" ] ||
        packages="$packages libclang-rt-${version%%.*}-dev"
}
need_headers() { # what Python is compiled against; an interpreter that was built here brings it along
    headers=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["include"])' 2>/dev/null) || return 0
    [ -e "$headers/Python.h" ] || packages="$packages python3-dev"
}
install() {
    echo "Installing for the tests:$packages"
    # shellcheck disable=SC2086
    $sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null
    packages=""
}

need chromium chromium
need ffprobe ffmpeg
need ip iproute2
need soffice libreoffice-calc
need nginx nginx
[ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || need initdb postgresql
need curl curl
need cc "gcc libc6-dev"
need clang clang
need_fuzzer
need_headers
fc-list 2>/dev/null | grep -qi "cjk" || packages="$packages fonts-noto-cjk fontconfig"

[ -z "$packages" ] && exit 0
if [ "$(id -u)" = 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo"
else
    echo "The tests need these packages, and apt-get is not allowed here:$packages" >&2
    echo "Install them as root: apt-get install --no-install-recommends$packages" >&2
    exit 1
fi
command -v apt-get >/dev/null 2>&1 || { echo "Install with your package manager:$packages" >&2; exit 1; }
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
install
need_fuzzer # of the clang that is here only now
[ -z "$packages" ] || install
