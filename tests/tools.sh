#!/bin/sh
# Install what the tests drive and cannot bring along themselves: Chromium, ffprobe, Chinese fonts, namespaces, LibreOffice.
# Only what is missing is installed, and only where apt-get may be used; otherwise the missing tools are named.
set -eu

packages=""
need() { # need COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}
need chromium chromium
need ffprobe ffmpeg
need ip iproute2
need soffice libreoffice-calc
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
echo "Installing for the tests:$packages"
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# shellcheck disable=SC2086
$sudo apt-get install -y -qq --no-install-recommends $packages >/dev/null
