#!/usr/bin/env bash
# Install the Debian packages that pagemesh uses, when that is possible; say how otherwise.
# With the word `tests`: what the tests' own services need; the tests skip what is not there. With the word
# `images`: what builds and runs container images. With `cluster`: what makes pods' networks. With `node`: what a
# node runs. With `chaos`: what loses packets, shifts clocks and makes disks slow.
set -euo pipefail

declare -A package_of=([tesseract]=tesseract-ocr)
[ "${1:-}" = tests ] && package_of=([java]=default-jre-headless [mvn]=maven [redis-server]=redis-server [promtool]=prometheus [chromium]=chromium)
[ "${1:-}" = cluster ] && package_of=([ip]=iproute2 [iptables]=iptables [setpriv]=util-linux)
[ "${1:-}" = node ] && package_of=([ip]=iproute2 [iptables]=iptables [setpriv]=util-linux [containerd]=containerd [runc]=runc [conntrack]=conntrack [ipset]=ipset [/usr/lib/cni/bridge]=containernetworking-plugins)
[ "${1:-}" = chaos ] && package_of=([ip]=iproute2 [iptables]=iptables [faketime]=faketime [mkfs.ext4]=e2fsprogs [losetup]=mount [fsfreeze]=util-linux)
[ "${1:-}" = images ] && package_of=([buildah]=buildah [podman]=podman [runc]=runc [mmdebstrap]=mmdebstrap [catatonit]=catatonit)

if ! command -v dpkg-query >/dev/null; then
  echo "Not a Debian system: install Python's venv module, ${package_of[*]} with your own tools." >&2
  exit 0
fi

missing=()
for command in "${!package_of[@]}"; do
  command -v "$command" >/dev/null || missing+=("${package_of[$command]}")
done
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ]; then
  echo "These Debian packages are missing: ${missing[*]}" >&2
  echo "Install them, then run make again:  sudo apt-get install ${missing[*]}" >&2
  echo "(Without tesseract-ocr everything but the Tesseract engine and its tests works; without" >&2
  echo "default-jre-headless, maven, redis-server, prometheus and chromium the tests with these are skipped.)" >&2
  # A virtual environment cannot be made without its package; the rest can wait.
  python3 -c 'import ensurepip' 2>/dev/null
  exit
fi

echo "Installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# At this level packages do not start the services that they bring.
export RUNLEVEL=1
apt-get update --quiet=2
apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" >/dev/null
