#!/usr/bin/env bash
# Install the Debian packages that pagemesh uses, when that is possible; say how otherwise.
set -euo pipefail

packages=(python3-venv tesseract-ocr)

if ! command -v dpkg-query >/dev/null; then
  echo "Not a Debian system: install Python's venv module and Tesseract with your own tools." >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  if ! dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then
    missing+=("$package")
  fi
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing: ${missing[*]}" >&2
  echo "Install them, then run make again:  sudo apt-get install ${missing[*]}" >&2
  echo "(Without tesseract-ocr everything but the Tesseract engine and its tests works.)" >&2
  # A virtual environment cannot be made without its package; the rest can wait.
  python3 -c 'import ensurepip' 2>/dev/null
  exit
fi

echo "Installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet=2
apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" >/dev/null
