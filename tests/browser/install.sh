#!/bin/sh
# What the tests of the HTML report need beside Python: Debian's Chromium and axe-core. What cannot be had is said and
# left out; the tests that need it are then skipped, with the reason.
set -u
cd "$(dirname "$0")" || exit 1

if command -v chromium >/dev/null; then
  echo "Chromium: $(chromium --version 2>/dev/null)"
elif ! command -v apt-get >/dev/null; then
  echo "Chromium is missing, and this system has no apt-get: install it by hand. The browser tests are skipped."
elif [ "$(id -u)" != 0 ]; then
  echo "Chromium is missing, and only root may install it: apt-get install chromium. The browser tests are skipped."
else
  echo "Chromium is missing: installing Debian's"
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
      chromium fonts-liberation; } >/dev/null \
    || echo "Chromium could not be installed. The browser tests are skipped."
fi

# the one place that names the version is package.json
wanted=$(sed -n 's/.*"axe-core": *"\([^"]*\)".*/\1/p' package.json)
found=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' node_modules/axe-core/package.json 2>/dev/null | head -n 1)
if [ "$found" = "$wanted" ]; then
  echo "axe-core: $found"
elif ! command -v npm >/dev/null; then
  echo "npm is missing, so axe-core $wanted cannot be installed. The accessibility tests are skipped."
else
  # no lock file is written: it would name the host of the registry
  npm install --no-save --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error \
    || echo "axe-core $wanted could not be installed. The accessibility tests are skipped."
fi
