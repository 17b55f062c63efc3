//! What enter opened: a process with its log, a record, a group, a topic.

use ratatui::layout::Rect;

use super::record;
use crate::{
    state::{
        Opened, ProcessName, State, Thing, Tone, named_places, old_records_looked_for_ms, summary,
    },
    ui::{
        canvas::{Canvas, Frame, broken, wrap},
        theme::Role,
        words,
    },
};

/// Draws the opened thing over the panes.
pub fn draw(canvas: &mut Canvas<'_>, state: &State, opened: &Opened, area: Rect) {
    canvas.clear(area);
    let (title, lines) = match &opened.what {
        Thing::Process(name) => (words::name(name), process(state, name)),
        Thing::Record(offset) => (format!("Record @{offset}"), record::lines(state, *offset)),
        Thing::Group(name) => (format!("Group {name}"), group(state, name)),
        Thing::Topic(name) => (format!("Topic {name}"), topic(state, name)),
        Thing::Znode(path) => (format!("Znode {path}"), znode(state, path)),
        Thing::Line(number) => ("What happened".to_owned(), line(state, *number)),
        Thing::Exchange(number) => exchange(state, *number),
    };
    let closes = state.view.keys.fill("{overlay back} closes");
    let frame = Frame {
        title: vec![(Role::Strong, title)],
        note: &closes,
        focused: true,
        dashed: false,
    };
    let inside = canvas.frame(area, &frame);
    let columns = inside.width.saturating_add(1).max(1);
    let wrapped = |line: &String| match opened.what {
        Thing::Line(_) => sentence(line, columns),
        _ => broken(line, columns),
    };
    if let Thing::Process(name) = &opened.what {
        let log = state.cluster.processes.get(name);
        let log = log.map_or(&[][..], |process| process.log.as_slice());
        let head: Vec<String> = lines.iter().flat_map(wrapped).collect();
        let log: Vec<Vec<String>> = log.iter().map(wrapped).collect();
        let room = usize::from(inside.height).saturating_sub(head.len());
        let newest = newest(&log, opened.scroll, room);
        rows(canvas, inside, head.iter().chain(newest));
        return;
    }
    let wrapped: Vec<String> = lines.iter().flat_map(wrapped).collect();
    let last = wrapped.len().saturating_sub(usize::from(inside.height));
    rows(canvas, inside, wrapped.iter().skip(opened.first(last)));
}

fn rows<'a>(canvas: &mut Canvas<'_>, inside: Rect, rows: impl Iterator<Item = &'a String>) {
    for (text, y) in rows.zip(inside.top()..inside.bottom()) {
        canvas.text(inside.x, y, inside.right() + 1, text, Role::Text);
    }
}

/// The newest rows of a log, without so many lines at its end; as many as there is room for.
fn newest(log: &[Vec<String>], back: usize, room: usize) -> impl Iterator<Item = &String> {
    let all: usize = log.iter().map(Vec::len).sum();
    let left_out: usize = log.iter().rev().take(back).map(Vec::len).sum();
    let upto = (all - left_out).max(room.min(all));
    let rows = log.iter().flatten();
    rows.skip(upto.saturating_sub(room)).take(room)
}

/// What is known of a process; its log goes on below it.
fn process(state: &State, name: &ProcessName) -> Vec<String> {
    let Some(process) = state.cluster.processes.get(name) else {
        return vec!["It is gone.".into()];
    };
    let (sign, word) = words::status(process);
    let since = words::ago(state.now.since(process.since));
    let mut lines = vec![
        format!("{sign} {word} for {since}   {}", summary(state, process)),
        String::new(),
    ];
    if let Some(address) = &process.address {
        lines.push(format!("listens on {address}"));
    }
    if let Some(bytes) = process.rss_bytes {
        lines.push(format!("resident memory (RSS) {}", words::memory(bytes)));
    }
    if !process.log_file.is_empty() {
        lines.push(format!("whole log: {}", process.log_file));
    }
    lines.push(String::new());
    if process.log.is_empty() {
        lines.push("Its log is empty, or not read yet.".into());
    }
    lines
}

fn group(state: &State, name: &str) -> Vec<String> {
    let Some(group) = state.cluster.groups.get(name) else {
        return vec!["The coordinator does not know this group.".into()];
    };
    let alone = state.cluster.is_without_coordinator(group);
    let mut lines = vec![format!(
        "{}   generation {}   assignor {}",
        if alone {
            "no coordinator"
        } else {
            group.state.name()
        },
        group
            .generation
            .map_or_else(|| "?".into(), |generation| generation.to_string()),
        if group.protocol.is_empty() {
            "none"
        } else {
            &group.protocol
        }
    )];
    if let Some(coordinator) = group.coordinator {
        let gone = match state.cluster.is_gone(coordinator) {
            true if alone => ", which is dead",
            false if alone => ", which is frozen",
            _ => "",
        };
        lines.push(format!("coordinator broker {coordinator}{gone}"));
    }
    lines.push(String::new());
    for (member_id, member) in &group.members {
        let leads = group.leader.as_ref() == Some(member_id);
        lines.push(format!(
            "{}   client id {}   member id {member_id}   {}{}",
            member.name,
            member.client_id,
            member.host,
            if leads {
                "   leads: it divides the partitions"
            } else {
                ""
            }
        ));
        lines.push(match named_places(true, &member.reads) {
            reads if reads.is_empty() => "   reads nothing".to_owned(),
            reads => format!("   reads {reads}"),
        });
    }
    lines.push(String::new());
    lines.push("partition          committed   high watermark   lag".into());
    for (place, committed) in &group.committed {
        let known =
            |told: Option<i64>| told.map_or_else(|| "?".to_owned(), |told| told.to_string());
        let high = state.cluster.partition(place);
        let high = known(
            high.filter(|high| high.measured)
                .map(|high| high.high_watermark.0),
        );
        let lag = known(state.cluster.lag(group, place));
        lines.push(format!(
            "{:<18} {committed:>9}   {high:>14}   {lag:>3}",
            place.to_string()
        ));
    }
    lines.push(String::new());
    lines.push(
        "What differs here from Kafka's defaults: consumers session.timeout.ms 3000 (45000),"
            .into(),
    );
    lines.push(
        "heartbeat.interval.ms 500 (3000); brokers group.min.session.timeout.ms 1000 (6000),"
            .into(),
    );
    let look = old_records_looked_for_ms(state.setup.brokers.len());
    lines.push(format!(
        "group.initial.rebalance.delay.ms 40 (3000), log.retention.check.interval.ms {look}"
    ));
    lines.push(format!(
        "(300000), log.cleaner.backoff.ms {look} (15000), offsets.topic.num.partitions 10 (50),"
    ));
    lines.push(
        "replica.fetch.wait.max.ms 5000 (500), zookeeper.session.timeout.ms 1500 (18000).".into(),
    );
    lines
}

fn topic(state: &State, name: &str) -> Vec<String> {
    let Some(topic) = state.cluster.topics.get(name) else {
        return vec!["The topic is gone.".into()];
    };
    let mut lines = Vec::new();
    if let Some(minimum) = topic.min_insync_replicas {
        lines.push(format!("min.insync.replicas={minimum}"));
    }
    for (key, value) in &topic.configs {
        if key != "min.insync.replicas" {
            lines.push(format!("{key}={value}"));
        }
    }
    lines.push(String::new());
    lines.push("partition  leader  epoch  replicas      ISR           log start  HW".into());
    for partition in &topic.partitions {
        let seen = &partition.seen;
        let leader = seen
            .leader
            .map_or_else(|| "none".into(), |leader| leader.to_string());
        lines.push(format!(
            "p{:<9} {leader:<7} {:<6} {:<13} {:<13} {:<10} {}",
            seen.partition,
            seen.epoch.to_string(),
            words::listed(&seen.replicas),
            words::listed(&seen.isr),
            partition.log_start.to_string(),
            partition.high_watermark
        ));
    }
    lines
}

fn znode(state: &State, path: &str) -> Vec<String> {
    let Some(znode) = state.cluster.znodes.get(path) else {
        return vec!["The znode is gone.".into()];
    };
    let content = &znode.content;
    let mut lines = vec![format!(
        "dataVersion {}   mZxid 0x{:x}   {} bytes   {} children",
        content.version, content.mzxid, content.size_bytes, content.children
    )];
    if content.ephemeral_owner != 0 {
        let owner = state.cluster.session_owner(content.ephemeral_owner);
        let owner = owner.map_or_else(String::new, |broker| format!(", broker {broker}"));
        lines.push(format!(
            "ephemeral: it goes with session 0x{:x}{owner}",
            content.ephemeral_owner
        ));
    }
    let mut held = |title: &str, data: &str| {
        lines.push(String::new());
        lines.push(title.to_owned());
        let json = serde_json::from_str::<serde_json::Value>(data).ok();
        let pretty = json.and_then(|json| serde_json::to_string_pretty(&json).ok());
        let text = pretty.unwrap_or_else(|| data.to_owned());
        lines.extend(text.lines().map(str::to_owned));
    };
    held("data", &content.data);
    if let Some(before) = &znode.before {
        held(
            &format!("before, in version {}", before.version),
            &before.data,
        );
    }
    lines
}

/// A line of what happened over as many lines as it needs; they go on below its words.
fn sentence(line: &str, columns: u16) -> Vec<String> {
    const TIME: u16 = 14;
    let mut lines = wrap(line, usize::from(columns.saturating_sub(TIME)));
    for line in lines.iter_mut().skip(1) {
        line.insert_str(0, &" ".repeat(usize::from(TIME)));
    }
    lines
}

/// What led to a line, one below the other, and the line itself; nothing of it is left out.
fn line(state: &State, number: u64) -> Vec<String> {
    let path = state.story.with_causes(number);
    let Some(first) = path.first() else {
        return vec!["It is not among the lines that are kept any more.".into()];
    };
    let began = state.story.root_at(first);
    path.iter()
        .map(|entry| {
            let time = if entry.depth == 0 {
                format!("{:#}", entry.at.clock(state.setup.utc_offset_s))
            } else {
                format!("+{:.3} s", entry.at.since(began).as_secs_f64())
            };
            let words: String = entry
                .text
                .iter()
                .map(|(tone, words)| match tone {
                    Tone::Hint => state.view.fill(words),
                    _ => words.clone(),
                })
                .collect();
            let bend = if entry.depth == 0 { "" } else { "└ " };
            format!("{time:>12}  {}  {bend}{words}", entry.hand)
        })
        .collect()
}

/// A request and its answer, field by field.
fn exchange(state: &State, number: u64) -> (String, Vec<String>) {
    let Some(exchange) = state.wire.get(number) else {
        let lines = vec!["It is not among those kept any more.".into()];
        return ("Wire".into(), lines);
    };
    let title = format!("{} v{}", exchange.api, exchange.version);
    let at = exchange.at.clock(state.setup.utc_offset_s);
    let to = super::super::panes::wire::broker(state, &exchange.address);
    let mut lines = vec![
        format!(
            "sent {at:#} to {to} ({})   correlation id {}   took {}",
            exchange.address,
            exchange.correlation_id,
            words::latency(exchange.latency)
        ),
        String::new(),
        format!(
            "request   {}   {}",
            words::bytes(exchange.request_bytes),
            exchange.asks
        ),
    ];
    lines.extend(exchange.request.lines().map(str::to_owned));
    lines.push(String::new());
    match exchange.answer_bytes {
        None => lines.push(format!("no answer: {}", exchange.tells)),
        Some(bytes) => lines.push(format!(
            "answer    {}   {}   {}",
            words::bytes(bytes),
            exchange.error.as_deref().unwrap_or("no error"),
            exchange.tells
        )),
    }
    lines.extend(exchange.answer.lines().map(str::to_owned));
    (title, lines)
}
