#!/usr/bin/env bash
# Of an Avro union fastavro writes the first branch that fits, Apache's Python library the last one
#
# Versions: fastavro 1.13.1, avro 1.12.2 (Apache's library for Python).
# Behaviour: a long or a double, given the integer 9007199254740993. As ["double", "long"] fastavro stores the double
#   9007199254740992 and avro the long; as ["long", "double"] it is the other way round. 16777217 as an int or a float
#   loses its last digit likewise. Of date and timestamp-millis fastavro makes a moment a date, when date comes first,
#   and avro raises a TypeError when it comes last.
# Why it matters: the branch that keeps the value is there, and no order of them is right for both. Who puts null, long
#   and double in the order that one library wants moves the loss to the other. Ids of 64 bits change by one, which
#   is somebody else's, only the large ones do, and nothing is said (fastavro's strict=True included).
# Source: fastavro/_write_py.py, write_union, and its C twin leave their loop at the first branch that _validate takes
#   (records, and a double after a float, apart); avro/io.py, write_union, has no break and keeps the last.
#   An int is valid as a double to both, and Python's datetime is a kind of date.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install fastavro==1.13.1 avro==1.12.2 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install fastavro and avro"
"$tmp/venv/bin/python" - > "$tmp/seen" 2> "$tmp/python.log" <<'PYTHON' || unrunnable "Python did not run: $(tail -1 "$tmp/python.log")"
import io, json
from datetime import datetime, timezone
import avro.io, avro.schema, fastavro

def through_fastavro(union, value):
    schema = fastavro.parse_schema(union)
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, value, strict=True)
    buffer.seek(0)
    return fastavro.schemaless_reader(buffer, schema)

def through_avro(union, value):
    schema = avro.schema.parse(json.dumps(union))
    buffer = io.BytesIO()
    try:
        avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(buffer))
    except TypeError:
        return "TypeError"
    buffer.seek(0)
    return avro.io.DatumReader(schema, schema).read(avro.io.BinaryDecoder(buffer))

date = {"type": "int", "logicalType": "date"}
moment = {"type": "long", "logicalType": "timestamp-millis"}
for union, value in (
    (["null", "long", "double"], 9007199254740993),
    (["null", "double", "long"], 9007199254740993),
    (["int", "float"], 16777217),
    (["float", "int"], 16777217),
    ([moment, date], datetime(2026, 1, 1, 5, 30, tzinfo=timezone.utc)),
    ([date, moment], datetime(2026, 1, 1, 5, 30, tzinfo=timezone.utc)),
):
    names = [branch if isinstance(branch, str) else branch["logicalType"] for branch in union]
    print(f"{value} as {' | '.join(names)}: fastavro {through_fastavro(union, value)}, avro {through_avro(union, value)}")
PYTHON

echo "a value, the union, and what is read from what each library wrote:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
9007199254740993 as null | long | double: fastavro 9007199254740993, avro 9007199254740992.0
9007199254740993 as null | double | long: fastavro 9007199254740992.0, avro 9007199254740993
16777217 as int | float: fastavro 16777217, avro 16777216.0
16777217 as float | int: fastavro 16777216.0, avro 16777217
2026-01-01 05:30:00+00:00 as timestamp-millis | date: fastavro 2026-01-01 05:30:00+00:00, avro TypeError
2026-01-01 05:30:00+00:00 as date | timestamp-millis: fastavro 2026-01-01, avro 2026-01-01 05:30:00+00:00
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "a library writes another branch now"
echo "as described: no order of the branches keeps the value in both libraries"
