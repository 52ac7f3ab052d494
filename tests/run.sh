#!/bin/sh
# Everything that `make test` runs: first what may run in parallel, then what needs the machine for itself.
set -eu
python=.venv/bin/python

# Whole files, the long ones of `conftest.py` first.
files="--dist loadfile --no-loadscope-reorder"

# Nearly every test of a server starts processes of ours; without compiled files each of them compiles all there is.
unset PYTHONDONTWRITEBYTECODE

# Some tests hold a clock to pages and servers, and a busy machine can miss it once. Not twice, and not alone.
tests() {
    status=0
    $python -m pytest "$@" || status=$?
    if [ "$status" = 1 ]; then
        echo "== passed only if it passes now: what failed, once more, one after the other"
        $python -m pytest "$@" -n 0 --last-failed --last-failed-no-failures none
    else
        return "$status"
    fi
}

phase() { # phase WHAT COMMAND...
    echo "== $1"
    shift
    began=$(date +%s)
    "$@"
    echo "== $(($(date +%s) - began)) s"
}

pages() {
    (cd web && npm test)
}

phase "pages" pages
phase "units, in parallel" \
    tests -m "not browser and not server and not quiet and not bench" -n auto $files
JIANGTANG_TEST_DATABASE=postgresql
export JIANGTANG_TEST_DATABASE
phase "the control plane on PostgreSQL" \
    tests tests/signaling -m "not browser and not server and not quiet and not bench" -n auto $files
unset JIANGTANG_TEST_DATABASE
phase "servers and browsers, two at a time" \
    tests -m "(browser or server) and not quiet and not bench" -n 2 $files
phase "what holds a clock to the machine, one after the other" \
    tests -m "quiet and not bench"
