#!/usr/bin/env bash
# Apache's Avro library for Python writes the decimal 1.5 as 0.15
#
# Versions: avro 1.12.2 (Apache's library for Python), fastavro 1.13.1 to compare.
# Behaviour: a decimal of precision 6 and scale 2. 12.50 is written and read as 12.50, by both. 12.5 is read again as 1.25,
#   100 as 1.00 and 1E+2 as 0.01; no error. fastavro writes 12.50, 100.00 and 100.00 for them. 12345.67,
#   which has a digit too many, is read again as 12345.7; fastavro refuses it.
# Why it matters: amounts have two digits behind the point in a test. Decimal("12.5"), Decimal(100), sums and normalize()
#   have fewer, and then the record says a tenth or a hundredth. Whoever reads it, in whatever language, has no way
#   to see it: the bytes are a valid decimal.
# Source: avro/io.py, write_decimal_bytes and write_decimal_fixed: the digits of the number are written as they stand. Its
#   exponent is looked at to refuse more digits than the scale has; for fewer nothing is appended. Reading
#   makes a context of the schema's precision, which rounds.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install avro==1.12.2 fastavro==1.13.1 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install avro and fastavro"
"$tmp/venv/bin/python" - > "$tmp/seen" 2> "$tmp/python.log" <<'PYTHON' || unrunnable "Python did not run: $(tail -1 "$tmp/python.log")"
import io, json
from decimal import Decimal
import avro.io, avro.schema, fastavro

described = {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}
schema = avro.schema.parse(json.dumps(described))


def with_avro(value):
    out = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(out))
    return out.getvalue()


def with_fastavro(value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, described, value)
    return out.getvalue()


for text in ("12.50", "12.5", "100", "1E+2", "12345.67"):
    line = [text]
    for write in (with_avro, with_fastavro):
        try:
            written = write(Decimal(text))
        except ValueError:
            line.append("refused")
            continue
        read = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(io.BytesIO(written)))
        line.append(str(read))
    print(*line)
PYTHON

echo "the decimal, what avro 1.12.2 wrote, what fastavro 1.13.1 wrote, both read with avro:"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
12.50 12.50 12.50
12.5 1.25 12.50
100 1.00 100.00
1E+2 0.01 100.00
12345.67 12345.7 refused
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "decimals are written otherwise now"
echo "as described: the point moves where the number has fewer digits than the scale"
