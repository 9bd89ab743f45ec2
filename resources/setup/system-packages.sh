#!/bin/sh
# Installs the Debian/Ubuntu packages that Opuscope needs, if any is missing.
#   system-packages.sh run    what the window and the sound output need
#   system-packages.sh server what a server by itself needs: PortAudio, for --source microphone
#   system-packages.sh test   all that "run" needs, and what the tests start (virtual display, PipeWire sound card, Speex,
#                            the balancer HAProxy, opusinfo, tshark to look at captures with)
# Made for Debian 12 and 13 and Ubuntu 24.04.
set -eu

run_packages="libegl1 libgl1 libglib2.0-0 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1
libxcb-shape0 libxcb-render-util0 libxcb-image0 libdbus-1-3 libfontconfig1 fonts-dejavu-core libportaudio2
libebur128-1"
test_packages="xvfb dbus pipewire pipewire-alsa pipewire-bin wireplumber libspeexdsp1 haproxy opus-tools tshark"

case "${1:-}" in
    server) wanted=libportaudio2 ;;
    run) wanted=$run_packages ;;
    test) wanted="$run_packages $test_packages" ;;
    *) echo "usage: $0 run|server|test" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
    echo "system packages: this is not Debian or Ubuntu, so none are installed; see 'Other systems' in README.md" >&2
    exit 0
fi

# Debian's python3 comes without what makes a virtual environment; other Pythons bring it.
"${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || wanted="python3-venv $wanted"

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=""
for package in $wanted; do
    # Debian 13 and Ubuntu 24.04 call some libraries <name>t64; apt-get finds them by the old name, dpkg-query does not.
    is_installed "$package" || is_installed "${package}t64" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "system packages: missing$missing; run as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "system packages: installing$missing"
# Machines that were just started often still update themselves: wait for that instead of failing.
$as_root apt-get -o DPkg::Lock::Timeout=120 update -qq
# shellcheck disable=SC2086  # a list of words is meant
$as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=120 \
    install -y -qq --no-install-recommends $missing >/dev/null
