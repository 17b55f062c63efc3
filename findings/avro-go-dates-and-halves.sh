#!/usr/bin/env bash
# Both Avro libraries of Go date a moment before 1970 a day late, and make -1.01 of -1.001
#
# Versions: github.com/hamba/avro/v2 v2.31.0, github.com/linkedin/goavro/v2 v2.15.0, fastavro 1.13.1 (Python) to compare.
# Behaviour: a field with logicalType date is given a moment. 1969-07-20 20:17 UTC is stored as 1969-07-21, while 2019-07-20
#   20:17 UTC is stored as 2019-07-20, and midnight of either day rightly. fastavro, given the same moments,
#   stores the day. A decimal of scale 2 is given -1.001 and stored as -1.01, while 1.001 is 1.00. No error.
# Why it matters: Go has no type for a day, so whatever is at hand is a moment. History (births, contracts, weather) is a
#   day late before 1970 unless its time was cut off; tests use this year. Of an amount and its reversal, both with
#   more digits than the scale has, a cent remains.
# Source: both divide the seconds since 1970 by those of a day (hamba: codec_native.go, dateCodec; goavro:
#   logical_type.go, dateFromNative), and Go's division goes towards zero: up, where the number is negative. Both divide a
#   decimal with big.Int's Div, which goes down where it is negative.
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

mkdir "$tmp/go"
cat > "$tmp/go/main.go" <<'GO'
package main

import (
	"fmt"
	"math/big"
	"os"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/linkedin/goavro/v2"
)

const (
	date    = `{"type":"int","logicalType":"date"}`
	decimal = `{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}`
)

// What either library makes of a value: written, and read again with the same library.
func withHamba(schema string, value any) (read any) {
	parsed := avro.MustParse(schema)
	written, err := avro.Marshal(parsed, value)
	if err == nil {
		err = avro.Unmarshal(parsed, written, &read)
	}
	check(err)
	return
}

func withGoavro(schema string, value any) any {
	codec, err := goavro.NewCodec(schema)
	check(err)
	written, err := codec.BinaryFromNative(nil, value)
	check(err)
	read, _, err := codec.NativeFromBinary(written)
	check(err)
	return read
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func shown(value any) string {
	switch value := value.(type) {
	case time.Time:
		return value.UTC().Format(time.DateOnly)
	case *big.Rat:
		return value.FloatString(2)
	}
	return fmt.Sprint(value)
}

func main() {
	for _, text := range []string{"1969-07-20T20:17:00Z", "2019-07-20T20:17:00Z", "1969-07-20T00:00:00Z", "2019-07-20T00:00:00Z"} {
		moment, err := time.Parse(time.RFC3339, text)
		check(err)
		fmt.Println(text, shown(withHamba(date, moment)), shown(withGoavro(date, moment)))
	}
	for _, text := range []string{"1.001", "-1.001"} {
		amount := func() *big.Rat { number, _ := new(big.Rat).SetString(text); return number }
		fmt.Println(text, shown(withHamba(decimal, amount())), shown(withGoavro(decimal, amount())))
	}
}
GO
(cd "$tmp/go" && go mod init dates && go get github.com/hamba/avro/v2@v2.31.0 github.com/linkedin/goavro/v2@v2.15.0 \
  && go mod tidy && go build -o "$tmp/dates" .) > "$tmp/go.log" 2>&1 || unrunnable "the Go libraries did not build"
"$tmp/dates" > "$tmp/seen" 2> "$tmp/dates.log" || unrunnable "the Go program did not run: $(tail -1 "$tmp/dates.log")"

python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install fastavro==1.13.1 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install fastavro"
compared=$("$tmp/venv/bin/python" - <<'PYTHON'
import io
from datetime import datetime, timezone
import fastavro
schema = {"type": "int", "logicalType": "date"}
days = []
for year in (1969, 2019):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, datetime(year, 7, 20, 20, 17, tzinfo=timezone.utc))
    out.seek(0)
    days.append(str(fastavro.schemaless_reader(out, schema)))
print(*days)
PYTHON
) || unrunnable "fastavro did not run"

echo "what was given, what hamba/avro v2.31.0 stored, what goavro v2.15.0 stored:"
sed 's/^/  /' "$tmp/seen"
echo "fastavro 1.13.1, of the first two: $compared"
[ "$compared" = '1969-07-20 2019-07-20' ] || unrunnable "the library to compare stores other days"
cat > "$tmp/described" <<'TEXT'
1969-07-20T20:17:00Z 1969-07-21 1969-07-21
2019-07-20T20:17:00Z 2019-07-20 2019-07-20
1969-07-20T00:00:00Z 1969-07-20 1969-07-20
2019-07-20T00:00:00Z 2019-07-20 2019-07-20
1.001 1.00 1.00
-1.001 -1.01 -1.01
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "dates or decimals are stored otherwise now"
echo "as described: a day late before 1970, a cent less below zero"
