#!/usr/bin/env bash
# vhs ends a pattern at a slash that is escaped
#
# Versions: github.com/charmbracelet/vhs v0.10.0.
# Behaviour: `Wait+Screen /10\/s/` is two errors: the pattern is `10\`, which ends in a lone backslash, and what
#   follows, `s/`, is an unknown command. `/10\x2fs/` and `/10.s/` are taken.
# Why it matters: a pattern between slashes is read everywhere else (sed, awk, JavaScript) with `\/` as a slash of
#   its own, and rates, paths and URLs on a screen hold slashes. Neither message says that a slash cannot be written.
# Source: lexer/lexer.go reads a pattern with readString, as it reads quoted text: up to the next delimiter.
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

version=v0.10.0
GOBIN="$tmp/bin" GOPATH="$tmp/go" GOFLAGS=-modcacherw go install "github.com/charmbracelet/vhs@$version" > "$tmp/go.log" 2>&1 \
  || unrunnable "go did not build vhs $version: $(tail -1 "$tmp/go.log")"

validate() { # PATTERN: what vhs says of a tape that waits for it
  printf 'Output demo.gif\nWait+Screen /%s/\n' "$1" > "$tmp/demo.tape"
  (cd "$tmp" && NO_COLOR=1 bin/vhs validate demo.tape 2>&1) && echo "taken" || true
}
escaped=$(validate '10\/s')
hexadecimal=$(validate '10\x2fs')
any=$(validate '10.s')

echo "vhs $version, Wait+Screen with three ways to write the screen's text 10/s:"
echo '/10\/s/:'
grep -oE "(Invalid|Unexpected).*" <<< "$escaped" | sed 's/^/  /' || true
printf '/10\\x2fs/: %s\n/10.s/: %s\n' "$hexadecimal" "$any"
[ "$hexadecimal $any" = 'taken taken' ] || unrunnable "patterns without a slash are not taken either"
grep -q "Invalid command: s/" <<< "$escaped" || changed "the escaped slash belongs to the pattern now"
grep -q 'Invalid regular expression' <<< "$escaped" || changed "the pattern before the slash is taken now"
echo 'as described: the pattern ends at \/'
