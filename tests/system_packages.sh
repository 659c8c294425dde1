#!/bin/sh
# Install the Debian packages that tests drive, if this machine lets us; else say the line to type.
# Never an error: a test without its program is skipped and says so.
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
echo "Installing for the tests:$missing"
install || { $sudo apt-get update >/dev/null 2>&1 && install; } || {
  echo "That did not work, so some tests will be skipped. To see why, type:"
  echo "    ${sudo:+sudo }apt-get install -y --no-install-recommends$missing"
}
exit 0
