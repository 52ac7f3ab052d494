#!/bin/sh
# Everything that `make test` runs: first what may run in parallel, then what needs the machine for itself.
set -eu
python=.venv/bin/python

echo "== pages"
(cd web && npm test)
echo "== units, in parallel"
$python -m pytest -m "not browser and not server and not bench" -n auto --dist loadfile
echo "== servers and browsers, one after the other"
whole="(browser or server) and not bench"
status=0
$python -m pytest -m "$whole" || status=$?
if [ "$status" = 1 ]; then
    # Some of these tests hold a clock to pages and servers, and a busy machine can miss it once. Not twice.
    echo "== passed only if they pass now: what failed, once more"
    $python -m pytest -m "$whole" --last-failed --last-failed-no-failures none
else
    exit "$status"
fi
