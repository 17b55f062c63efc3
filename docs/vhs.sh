#!/usr/bin/env bash
# Records demo.tape and docs/tapes/*.tape with VHS itself, as somebody does who takes a tape elsewhere, into target/vhs.
# The tests play the same tapes without VHS; this shows that VHS takes them too. What is said here goes to cargo, and
# names of tapes choose among them: docs/vhs.sh --release demo
#
# On the PATH: vhs 0.10 (go install github.com/charmbracelet/vhs@v0.10.0), ttyd 1.7, ffmpeg, Chromium or Chrome.
# VHS gives a film as many pictures as it could take, at the pace that the tape sets: where the machine is too slow for
# that pace the film runs too fast (https://github.com/charmbracelet/vhs/issues/88). The last column says how it came out.
set -euo pipefail
cd "$(dirname "$0")/.."

for program in vhs ttyd ffmpeg ffprobe; do
    command -v "$program" >/dev/null || { echo "$program is not on the PATH: see the first lines of $0" >&2; exit 1; }
done

flags=() names=()
for word in "$@"; do
    case $word in -*) flags+=("$word") ;; *) names+=("$word") ;; esac
done
profile=debug
case " ${flags[*]-} " in *" --release "*) profile=release ;; esac
cargo build "${flags[@]}"
target=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)
PATH=$target/$profile:$PATH

# Chromium refuses its sandbox to root.
[ "$(id -u)" != 0 ] || export VHS_NO_SANDBOX=true
export HOME
HOME=$(mktemp -d)
trap 'rm -r "$HOME"' EXIT
mkdir -p "$target/vhs"

for tape in demo.tape docs/tapes/*.tape; do
    name=$(basename "$tape" .tape)
    case " ${names[*]:-$name} " in *" $name "*) ;; *) continue ;; esac
    vhs validate "$tape"
    cp "$tape" "$HOME"
    (cd "$HOME" && TIMEFORMAT=%R && { time vhs --quiet "$name.tape" >/dev/null; } 2>"$name.seconds")
    mv "$HOME/$name.gif" "$target/vhs"
    gif=$target/vhs/$name.gif
    length=$(ffprobe -v error -show_entries stream=duration -of csv=p=0 "$gif")
    echo "$gif $(stat -c %s "$gif") bytes, $length s long, made in $(tail -1 "$HOME/$name.seconds") s"
done
