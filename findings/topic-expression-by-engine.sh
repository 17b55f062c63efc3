#!/usr/bin/env bash
# One regular expression for topic names has three meanings, by the engine that reads it
#
# Versions: RE2/J 1.8 (in every Kafka 4 broker), Java 17 java.util.regex, Go regexp, google-re2 1.1.20251105,
#   Python 3.11 re, the Rust crate regex 1.13.2.
# Behaviour: on "orders.dlq", the whole name: `[a-z.]*+\.dlq` is false in Java and Python (possessive), refused by RE2/J, Go
#   and google-re2, and true in Rust: there `*+` is a repeated repetition. `[a-z--d.]+` is false in Rust alone,
#   for which `--` subtracts. `o{,3}rders.dlq` is true in Python, refused by Java and Rust, and false in the three
#   RE2: braces without a minimum are plain text to them.
# Why it matters: with KIP-848 the broker reads the expression that a client read before, and tools in front of Kafka
#   (mirrors, UIs, ACL generators) have engines of their own. All call it a regular expression, and where none
#   refuses, nobody learns that another set of topics was chosen.
# Source: RE2/J's Parser.java ("invalid nested repetition operator", and `{` as a literal where no number follows); the
#   syntax page of the crate regex names `--`, it does not name `*+`.
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
unrunnable() { echo "COULD NOT BE RUN: $*" >&2; exit 2; }
changed() { echo "CHANGED: $*" >&2; exit 1; }

name=orders.dlq
expressions=('[a-z.]*+\.dlq' '[a-z--d.]+' 'o{,3}rders.dlq')

# Each engine prints a line: whether the whole name is matched by each expression, or that it refuses it.
cat > "$tmp/Engines.java" <<'JAVA'
import java.util.function.BiPredicate;

public class Engines {
    public static void main(String[] arguments) {
        print("RE2/J", arguments, (expression, name) -> com.google.re2j.Pattern.matches(expression, name));
        print("java.util.regex", arguments, (expression, name) -> java.util.regex.Pattern.matches(expression, name));
    }

    static void print(String engine, String[] arguments, BiPredicate<String, String> matches) {
        StringBuilder line = new StringBuilder(engine);
        for (int i = 1; i < arguments.length; i++) {
            String said;
            try {
                said = String.valueOf(matches.test(arguments[i], arguments[0]));
            } catch (com.google.re2j.PatternSyntaxException | java.util.regex.PatternSyntaxException refusal) {
                said = "refused";
            }
            line.append(' ').append(said);
        }
        System.out.println(line);
    }
}
JAVA
mvn -q -B dependency:copy -Dartifact=com.google.re2j:re2j:1.8 -DoutputDirectory="$tmp/jars" > "$tmp/mvn.log" 2>&1 \
  || unrunnable "Maven did not bring RE2/J"
java -cp "$tmp/jars/*" "$tmp/Engines.java" "$name" "${expressions[@]}" > "$tmp/seen" 2> "$tmp/java.log" \
  || unrunnable "the Java program did not run: $(tail -1 "$tmp/java.log")"

mkdir "$tmp/go"
cat > "$tmp/go/main.go" <<'GO'
package main

import (
	"fmt"
	"os"
	"regexp"
)

func main() {
	fmt.Print("Go")
	for _, expression := range os.Args[2:] {
		if compiled, err := regexp.Compile(`\A(?:` + expression + `)\z`); err != nil {
			fmt.Print(" refused")
		} else {
			fmt.Print(" ", compiled.MatchString(os.Args[1]))
		}
	}
	fmt.Println()
}
GO
(cd "$tmp/go" && go mod init matcher && go build -o "$tmp/go-matcher" .) > "$tmp/go.log" 2>&1 || unrunnable "Go did not build"
"$tmp/go-matcher" "$name" "${expressions[@]}" >> "$tmp/seen"

python3 -m venv "$tmp/venv" && "$tmp/venv/bin/pip" -q install google-re2==1.1.20251105 > "$tmp/pip.log" 2>&1 \
  || unrunnable "pip did not install google-re2"
"$tmp/venv/bin/python" - "$name" "${expressions[@]}" >> "$tmp/seen" 2> "$tmp/python.log" <<'PYTHON' || unrunnable "Python did not run"
import re, re2, sys
name, *expressions = sys.argv[1:]
for engine, module in [("google-re2", re2), ("Python", re)]:
    said = []
    for expression in expressions:
        try:
            said.append(str(module.fullmatch(expression, name) is not None).lower())
        except (re.error, re2.error):
            said.append("refused")
    print(engine, *said)
PYTHON

mkdir -p "$tmp/rust/src"
cat > "$tmp/rust/Cargo.toml" <<'TOML'
[package]
name = "matcher"
version = "0.1.0"
edition = "2021"

[dependencies]
regex = "=1.13.2"
TOML
cat > "$tmp/rust/src/main.rs" <<'RUST'
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    print!("Rust");
    for expression in &arguments[2..] {
        match regex::Regex::new(&format!(r"\A(?:{expression})\z")) {
            Ok(compiled) => print!(" {}", compiled.is_match(&arguments[1])),
            Err(_) => print!(" refused"),
        }
    }
    println!();
}
RUST
CARGO_TARGET_DIR="$tmp/target" cargo build -q --manifest-path "$tmp/rust/Cargo.toml" > "$tmp/cargo.log" 2>&1 \
  || unrunnable "cargo did not build the matcher: $(tail -3 "$tmp/cargo.log")"
"$tmp/target/debug/matcher" "$name" "${expressions[@]}" >> "$tmp/seen"

echo "is the whole of \"$name\" matched by ${expressions[*]}"
sed 's/^/  /' "$tmp/seen"
cat > "$tmp/described" <<'TEXT'
RE2/J refused true false
java.util.regex false true refused
Go refused true false
google-re2 refused true false
Python false true true
Rust true false refused
TEXT
cmp -s "$tmp/seen" "$tmp/described" || changed "an engine reads an expression otherwise now"
echo "as described: no expression is read alike by all of them"
