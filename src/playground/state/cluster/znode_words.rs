//! What a znode's data says, in a few words.

use super::ZnodeContent;
use wire::BrokerId;

/// A znode's data in a few words: what a person looks for in it.
#[must_use]
pub fn summary(path: &str, content: &ZnodeContent) -> String {
    if content.data.is_empty() {
        return if content.children == 0 { "empty" } else { "" }.to_owned();
    }
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&content.data) else {
        return content.data.lines().next().unwrap_or_default().to_owned();
    };
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let words = match parts.as_slice() {
        ["controller"] => json
            .get("brokerid")
            .map(|broker| format!("{{\"brokerid\":{broker}}}")),
        ["brokers", "ids", _] => address(&json),
        ["brokers", "topics", _] => replicas(&json),
        ["brokers", "topics", _, "partitions", _, "state"] => partition_state(&json),
        ["config", _, _] => configs(&json),
        ["cluster", "id"] => json.get("id").and_then(|id| id.as_str()).map(str::to_owned),
        _ => None,
    };
    words.unwrap_or_else(|| json.to_string())
}

fn address(json: &serde_json::Value) -> Option<String> {
    let port = json.get("port")?.as_i64()?;
    match json.get("host")?.as_str()? {
        "127.0.0.1" | "localhost" => Some(format!(":{port}")),
        host => Some(format!("{host}:{port}")),
    }
}

fn replicas(json: &serde_json::Value) -> Option<String> {
    let partitions = json.get("partitions")?.as_object()?;
    let factor = partitions
        .values()
        .filter_map(|replicas| replicas.as_array().map(Vec::len))
        .max()?;
    let mut indexes: Vec<i32> = partitions.keys().filter_map(|p| p.parse().ok()).collect();
    indexes.sort_unstable();
    if indexes.len() > 4 {
        return Some(format!("RF {factor}  {} partitions", indexes.len()));
    }
    let places: Vec<String> = indexes.iter().map(|index| format!("p{index}")).collect();
    Some(format!("RF {factor}  {}", places.join(" ")))
}

fn partition_state(json: &serde_json::Value) -> Option<String> {
    let number = |name: &str| i32::try_from(json.get(name)?.as_i64()?).ok();
    let isr: Vec<String> = json
        .get("isr")?
        .as_array()?
        .iter()
        .map(ToString::to_string)
        .collect();
    let leader = number("leader")?;
    let epoch = number("leader_epoch")?;
    Some(in_words(leader, epoch, &isr.join(",")))
}

fn configs(json: &serde_json::Value) -> Option<String> {
    let set = json.get("config")?.as_object()?;
    let words: Vec<String> = set
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    Some(if words.is_empty() {
        "defaults".to_owned()
    } else {
        words.join(" ")
    })
}

/// The leader epoch in a partition's state.
pub(super) fn epoch_of(data: &str) -> Option<i32> {
    let json: serde_json::Value = serde_json::from_str(data).ok()?;
    i32::try_from(json.get("leader_epoch")?.as_i64()?).ok()
}

/// A partition's state as `summary` says it.
pub(super) fn state_in_words(leader: i32, epoch: i32, isr: &[BrokerId]) -> String {
    let isr: Vec<String> = isr.iter().map(ToString::to_string).collect();
    in_words(leader, epoch, &isr.join(","))
}

fn in_words(leader: i32, epoch: i32, isr: &str) -> String {
    if leader < 0 {
        format!("no leader epoch {epoch} ISR {isr}")
    } else {
        format!("leader {leader} epoch {epoch} ISR {isr}")
    }
}

#[cfg(test)]
mod tests {
    use super::summary;
    use crate::state::ZnodeContent;

    const STATE: &str = "/brokers/topics/orders/partitions/2/state";

    fn content(data: &str) -> ZnodeContent {
        ZnodeContent {
            data: data.into(),
            ..ZnodeContent::default()
        }
    }

    fn state(leader: i32, epoch: i32, isr: &str) -> String {
        format!(
            r#"{{"controller_epoch":1,"leader":{leader},"version":1,"leader_epoch":{epoch},"isr":[{isr}]}}"#
        )
    }

    #[test]
    fn data_is_said_in_a_few_words() {
        for (path, data, words) in [
            (
                "/controller",
                r#"{"version":1,"brokerid":2}"#,
                r#"{"brokerid":2}"#,
            ),
            ("/controller_epoch", "1", "1"),
            (
                "/brokers/ids/1",
                r#"{"port":9092,"host":"127.0.0.1"}"#,
                ":9092",
            ),
            ("/brokers/ids/1", r#"{"port":9092,"host":"a"}"#, "a:9092"),
            (
                "/brokers/topics/orders",
                r#"{"partitions":{"2":[1,2],"0":[1,2],"1":[1,2]}}"#,
                "RF 2  p0 p1 p2",
            ),
            (STATE, &state(1, 5, "1,2"), "leader 1 epoch 5 ISR 1,2"),
            (STATE, &state(-1, 6, "1"), "no leader epoch 6 ISR 1"),
            (
                "/config/topics/orders",
                r#"{"version":1,"config":{"min.insync.replicas":"2"}}"#,
                "min.insync.replicas=2",
            ),
            (
                "/config/topics/orders",
                r#"{"version":1,"config":{}}"#,
                "defaults",
            ),
            ("/cluster/id", r#"{"version":"1","id":"hQ4m"}"#, "hQ4m"),
            ("/admin/delete_topics", "", "empty"),
            ("/feature", r#"{"status":1}"#, r#"{"status":1}"#),
        ] {
            assert_eq!(summary(path, &content(data)), words, "{path} {data}");
        }
    }
}
