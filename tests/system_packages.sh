#!/bin/sh
# Install the Debian packages that tests drive, if this machine lets us; else say the line to type.
# What is missing, and why it is wanted, is said before anything is installed. Never an error: a test
# without its program is skipped and says so.
set -u
command -v dpkg-query >/dev/null 2>&1 || exit 0
missing=
for name in "$@"; do
  case "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null)" in
    *"ok installed") ;;
    *) missing="$missing $name" ;;
  esac
done
[ -n "$missing" ] || exit 0
echo "The tests drive programs of Debian that are not on this machine:"
for name in $missing; do
  case "$name" in
    chromium) why="the report is looked at in a real browser" ;;
    xvfb | xauth) why="a screen of its own for the panels, so that no window opens on yours" ;;
    fonts-*) why="letters for browser and panels" ;;
    *) why="what Qt and OpenGL need to draw the panels" ;;
  esac
  echo "  $name: $why"
done
echo "To do without them, whose tests are then skipped: make test SYSTEM_PACKAGES="
if [ "$(id -u)" = 0 ]; then
  sudo=
elif sudo -n true 2>/dev/null; then
  sudo="sudo -n"
else
  echo "Some tests will be skipped. To have them, type:"
  echo "    sudo apt-get install -y --no-install-recommends$missing"
  exit 0
fi
install() {
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing \
    >/dev/null 2>&1
}
echo "Installing them with${sudo:+ sudo} apt-get."
install || { $sudo apt-get update >/dev/null 2>&1 && install; } || {
  echo "That did not work, so some tests will be skipped. To see why, type:"
  echo "    ${sudo:+sudo }apt-get install -y --no-install-recommends$missing"
}
exit 0
