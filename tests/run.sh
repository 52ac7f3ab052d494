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
# Browsers and servers share the machine with strangers: what fails is tried once more, alone, and must pass then.
$python -m pytest -m "$whole" || {
    echo "== what failed, once more"
    $python -m pytest -m "$whole" --last-failed --last-failed-no-failures none
}
