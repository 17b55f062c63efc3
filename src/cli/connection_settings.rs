//! How connections to somebody else's cluster are secured, by the names that Kafka's and librdkafka's settings have.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;

use super::cluster::property;
use super::java_properties;
use client::security::{Login, Mechanism, Secret, Security, Tls, TlsSettings};

/// Settings of connections, from a file and from flags; later ones are in effect.
#[derive(Default, Args)]
pub(super) struct ConnectionArguments {
    /// A properties file with settings of connections: security.protocol, sasl.*, ssl.*.
    #[arg(long, value_name = "FILE", requires = "bootstrap_server")]
    command_config: Option<PathBuf>,
    /// Sets one of them, by Kafka's or librdkafka's name, for example sasl.mechanism=PLAIN.
    #[arg(short = 'X', value_name = "KEY=VALUE", value_parser = property, requires = "bootstrap_server")]
    settings: Vec<(String, String)>,
}

impl ConnectionArguments {
    /// What they come to, and what there is to say about them.
    pub(super) fn read(self) -> Result<(Security, Vec<String>)> {
        let settings = match &self.command_config {
            Some(file) => match std::fs::read_to_string(file) {
                Ok(text) => java_properties::parse(&text),
                Err(error) => bail!("cannot read {}: {error}", file.display()),
            },
            None => Vec::new(),
        };
        let mut wanted = Wanted::default();
        let mut notices = Vec::new();
        if self.settings.iter().any(|(name, _)| is_secret(name)) {
            let words = "a password behind -X is seen by everybody on this machine: --command-config reads it from a file";
            notices.push(words.to_owned());
        }
        for (name, value) in settings.iter().chain(&self.settings) {
            if !wanted.take(name, value)? {
                notices.push(format!("{name} has no effect here"));
            }
        }
        Ok((wanted.security()?, notices))
    }
}

/// Whether its value is nobody else's business.
fn is_secret(name: &str) -> bool {
    matches!(name, "sasl.password" | "sasl.jaas.config")
}

impl fmt::Debug for ConnectionArguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.settings.iter().map(|(name, _)| name).collect();
        f.debug_struct("ConnectionArguments")
            .field("command_config", &self.command_config)
            .field("settings", &names)
            .finish()
    }
}

/// What settings say.
#[derive(Debug, Default)]
struct Wanted {
    encrypts: bool,
    logs_in: bool,
    mechanism: Option<Mechanism>,
    username: Option<String>,
    password: Option<Secret>,
    tls: TlsSettings,
    any_name: bool,
}

impl Wanted {
    /// Takes one setting; whether it has an effect.
    fn take(&mut self, name: &str, value: &str) -> Result<bool> {
        let path = || Some(PathBuf::from(value));
        match name {
            "security.protocol" => {
                (self.encrypts, self.logs_in) = protocol(value)?;
            }
            "sasl.mechanism" | "sasl.mechanisms" => self.mechanism = Some(mechanism(value)?),
            "sasl.username" => self.username = Some(value.to_owned()),
            "sasl.password" => self.password = Some(Secret::new(value.to_owned())),
            "sasl.jaas.config" => {
                for (option, told) in jaas(value) {
                    match option.as_str() {
                        "username" => self.username = Some(told),
                        "password" => self.password = Some(Secret::new(told)),
                        _ => {}
                    }
                }
            }
            "ssl.truststore.location" | "ssl.ca.location" => self.tls.trusted = path(),
            "ssl.certificate.location" => self.tls.certificate = path(),
            "ssl.key.location" => self.tls.key = path(),
            // Certificate and key in one file.
            "ssl.keystore.location" => {
                self.tls.certificate = path();
                self.tls.key = path();
            }
            "ssl.truststore.type" | "ssl.keystore.type" if value != "PEM" => bail!(
                "{name}={value}: only PEM is read. keytool -exportcert -rfc writes it from a {value} file"
            ),
            "ssl.key.password" => bail!(
                "{name}: encrypted keys are not read. openssl pkey -in KEY -out KEY.pem writes one that needs no password"
            ),
            // PEM, or said by --bootstrap-server.
            "ssl.truststore.type" | "ssl.keystore.type" | "bootstrap.servers" | "client.id" => {}
            "ssl.endpoint.identification.algorithm" => match value {
                "" | "none" => self.any_name = true,
                "https" => self.any_name = false,
                other => bail!("{name}={other}: https, or nothing behind the equals sign"),
            },
            "enable.ssl.certificate.verification" if value == "false" => bail!(
                "{name}=false: brokers are not believed unseen. ssl.ca.location names who vouches for them"
            ),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn security(self) -> Result<Security> {
        let tls = TlsSettings {
            checks_names: !self.any_name,
            ..self.tls
        };
        let tls = self.encrypts.then(|| Tls::new(&tls)).transpose()?;
        let login = if self.logs_in {
            let (Some(username), Some(password)) = (self.username, self.password) else {
                bail!(
                    "security.protocol wants SASL: sasl.username and sasl.password, or sasl.jaas.config, say who you are"
                );
            };
            let Some(mechanism) = self.mechanism else {
                bail!(
                    "security.protocol wants SASL: sasl.mechanism is {}",
                    mechanisms()
                );
            };
            Some(Arc::new(Login {
                mechanism,
                username,
                password,
            }))
        } else {
            None
        };
        Ok(Security { tls, login })
    }
}

/// Whether it encrypts, and whether it asks who we are.
fn protocol(value: &str) -> Result<(bool, bool)> {
    Ok(match value.to_ascii_uppercase().as_str() {
        "PLAINTEXT" => (false, false),
        "SSL" => (true, false),
        "SASL_PLAINTEXT" => (false, true),
        "SASL_SSL" => (true, true),
        _ => {
            bail!("security.protocol={value}: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL expected")
        }
    })
}

fn mechanism(value: &str) -> Result<Mechanism> {
    let mut known = Mechanism::ALL.into_iter();
    let known = known.find(|known| known.name() == value);
    known.ok_or_else(|| anyhow::anyhow!("sasl.mechanism={value}: {} expected", mechanisms()))
}

fn mechanisms() -> String {
    Mechanism::ALL.map(Mechanism::name).join(" or ")
}

/// The options of a login module: `...ScramLoginModule required username="reader" password="a b";`
fn jaas(value: &str) -> Vec<(String, String)> {
    let mut options = Vec::new();
    let mut rest = value.trim().trim_end_matches(';');
    while let Some((before, after)) = rest.split_once('=') {
        let name = before.split_whitespace().last().unwrap_or_default();
        let after = after.trim_start();
        let (told, left) = if let Some(quoted) = after.strip_prefix('"') {
            unquoted(quoted)
        } else {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            let (told, left) = after.split_at(end);
            (told.to_owned(), left)
        };
        options.push((name.to_owned(), told));
        rest = left;
    }
    options
}

/// What stands before the closing quote, and what behind it.
fn unquoted(text: &str) -> (String, &str) {
    let mut told = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '\\' => told.extend(signs.next().map(|(_, sign)| sign)),
            '"' => return (told, text.get(at + 1..).unwrap_or_default()),
            _ => told.push(sign),
        }
    }
    (told, "")
}

#[cfg(test)]
mod tests {
    use super::{ConnectionArguments, jaas};

    fn read(settings: &[(&str, &str)]) -> Result<String, String> {
        let settings = settings.iter();
        let arguments = ConnectionArguments {
            command_config: None,
            settings: settings
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect(),
        };
        let (security, _) = arguments.read().map_err(|error| error.to_string())?;
        let login = security.login.as_ref().map(|login| login.username.clone());
        let words = security.words().unwrap_or_default();
        Ok(format!("{words} {}", login.unwrap_or_default()))
    }

    #[test]
    fn both_libraries_names_say_the_same() {
        let java = "org.apache.kafka.common.security.scram.ScramLoginModule required \
                    username=\"reader\" password=\"a \\\"b\\\"\";";
        let kafka = [
            ("security.protocol", "SASL_PLAINTEXT"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.jaas.config", java),
        ];
        assert_eq!(read(&kafka).as_deref(), Ok("SCRAM reader"));
        let rdkafka = [
            ("security.protocol", "sasl_plaintext"),
            ("sasl.mechanisms", "PLAIN"),
            ("sasl.username", "reader"),
            ("sasl.password", "pencil"),
        ];
        assert_eq!(read(&rdkafka).as_deref(), Ok("PLAIN reader"));
        assert_eq!(read(&[]).as_deref(), Ok(" "));
        let told = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            jaas(java),
            [told("username", "reader"), told("password", "a \"b\"")]
        );
        assert_eq!(jaas("x.Y required username=a password=b;").len(), 2);
    }

    #[test]
    fn what_cannot_be_done_is_said_with_what_can() {
        let sasl = ("security.protocol", "SASL_PLAINTEXT");
        for (settings, why) in [
            (
                vec![("security.protocol", "TLS")],
                "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
            ),
            (vec![sasl], "sasl.username and sasl.password"),
            (
                vec![sasl, ("sasl.mechanism", "GSSAPI")],
                "PLAIN or SCRAM-SHA-256 or SCRAM-SHA-512",
            ),
            (vec![("ssl.truststore.type", "JKS")], "only PEM is read"),
            (
                vec![("enable.ssl.certificate.verification", "false")],
                "not believed unseen",
            ),
        ] {
            let said = read(&settings).expect_err(why);
            assert!(said.contains(why), "{said}");
        }
    }
}
