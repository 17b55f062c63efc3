//! Answers as text that can be compared: what must differ between two clusters is taken out.

use std::fmt::Debug;

/// Fields that name a moment, a place or something made at random. Their defaults are kept, so that
/// one cluster with such a value and another without are told apart.
const OWN: [&str; 21] = [
    "cluster_id",
    "controller_id",
    "current_txn_start_timestamp",
    "host",
    "last_timestamp",
    "leader",
    "log_append_time_ms",
    "log_dir",
    "member_id",
    "node_id",
    "port",
    "producer_id",
    "session_id",
    "size",
    "throttle_time_ms",
    "topic_id",
    "total_bytes",
    "transaction_start_time_ms",
    "usable_bytes",
    "generation_id",
    "coordinator_epoch",
];

/// Lists whose order says nothing.
const UNORDERED: [&str; 9] = [
    "brokers",
    "configs",
    "coordinators",
    "groups",
    "isr_nodes",
    "members",
    "partitions",
    "results",
    "topics",
];

/// One value of a pretty-printed answer: its first line, and what stands within it.
struct Node {
    line: String,
    within: Vec<Node>,
    closing: Option<String>,
}

/// An answer's lines, with one field or value each, ready to be compared with another's.
pub fn lines(answer: &impl Debug) -> Vec<String> {
    let text = format!("{answer:#?}");
    let mut source = text.lines().map(str::trim);
    let mut found = Vec::new();
    while let Some(line) = source.next() {
        found.push(node(line, &mut source));
    }
    let mut lines = Vec::new();
    for node in &mut found {
        settle(node);
        write(node, 0, &mut lines);
    }
    lines
}

fn node<'a>(line: &str, source: &mut impl Iterator<Item = &'a str>) -> Node {
    let mut node = Node {
        line: line.to_owned(),
        within: Vec::new(),
        closing: None,
    };
    if line.ends_with(['{', '[', '(']) {
        while let Some(line) = source.next() {
            if line.starts_with(['}', ']', ')']) {
                node.closing = Some(line.to_owned());
                break;
            }
            node.within.push(self::node(line, source));
        }
    }
    node
}

fn settle(node: &mut Node) {
    for inner in &mut node.within {
        settle(inner);
    }
    // `BrokerId(` `1,` `),` is one value.
    if let [inner] = &*node.within
        && node.line.ends_with('(')
        && inner.within.is_empty()
    {
        node.line = format!("{}{}),", node.line, inner.line.trim_end_matches(','));
        node.within.clear();
        node.closing = None;
    }
    let Some((field, value)) = node.line.split_once(": ") else {
        return;
    };
    if OWN.contains(&field) && !is_default(field, value) {
        node.line = format!("{field}: *");
        node.within.clear();
        node.closing = None;
    } else if UNORDERED.contains(&field) {
        node.within.sort_by_cached_key(|inner| {
            let mut lines = Vec::new();
            write(inner, 0, &mut lines);
            lines
        });
    }
}

fn is_default(field: &str, value: &str) -> bool {
    let value = value.trim_end_matches(',');
    let inner = value
        .split_once('(')
        .map_or(value, |(_, inner)| inner.trim_end_matches(')'));
    match inner {
        // A producer may have this id.
        "0" => field != "producer_id",
        "" | "\"\"" | "-1" | "None" | "00000000-0000-0000-0000-000000000000" => true,
        _ => false,
    }
}

fn write(node: &Node, depth: usize, lines: &mut Vec<String>) {
    lines.push(format!("{:width$}{}", "", node.line, width = depth * 2));
    for inner in &node.within {
        write(inner, depth + 1, lines);
    }
    if let Some(closing) = &node.closing {
        lines.push(format!("{:width$}{closing}", "", width = depth * 2));
    }
}

/// What stands in one answer only, in order, and the fields that these lines are about.
pub fn difference(ours: &[String], theirs: &[String]) -> (Vec<String>, Vec<String>) {
    let only = |these: &[String], those: &[String], mark: &str| {
        let mut left: Vec<&String> = those.iter().collect();
        let mut only = Vec::new();
        for line in these {
            match left.iter().position(|it| *it == line) {
                Some(at) => {
                    left.remove(at);
                }
                None => only.push(format!("{mark} {}", line.trim())),
            }
        }
        only
    };
    let mut lines = only(ours, theirs, "ours  ");
    lines.extend(only(theirs, ours, "theirs"));
    let mut fields: Vec<String> = lines
        .iter()
        .map(|line| {
            let text = line.get(7..).unwrap_or(line);
            let name = text.split_once(':').map_or("value", |(name, _)| name);
            name.to_owned()
        })
        .collect();
    fields.sort_unstable();
    fields.dedup();
    (lines, fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::{
        messages::{MetadataResponse, metadata_response::MetadataResponseBroker},
        protocol::StrBytes,
    };

    fn metadata(ids: [i32; 2], port: i32, cluster: Option<&'static str>) -> MetadataResponse {
        let broker = |id: i32| {
            MetadataResponseBroker::default()
                .with_node_id(id.into())
                .with_rack(Some(StrBytes::from(format!("rack {id}"))))
                .with_port(port)
        };
        MetadataResponse::default()
            .with_brokers(ids.map(broker).to_vec())
            .with_cluster_id(cluster.map(StrBytes::from_static_str))
    }

    #[test]
    fn places_and_the_order_of_brokers_say_nothing_but_what_is_missing_does() {
        let ours = lines(&metadata([1, 2], 9092, Some("a")));
        let theirs = lines(&metadata([2, 1], 9093, Some("b")));
        assert_eq!(difference(&ours, &theirs), (vec![], vec![]));
        let (said, fields) = difference(&ours, &lines(&metadata([1, 2], 0, None)));
        assert_eq!(fields, ["cluster_id", "port"]);
        assert_eq!(said.first().map(String::as_str), Some("ours   port: *"));
    }
}
