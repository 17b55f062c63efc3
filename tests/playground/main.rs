//! The playground as its user meets it: in a terminal, with keys, against real processes.

mod around;
mod attach;
mod beginnings;
mod endings;
mod feel;
mod keys;
mod own_files;
mod recorded;
mod story;
mod tape;
mod terminal;

use std::{net::TcpListener, path::Path};

use terminal::Terminal;

/// The program under test.
fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kafkarium"))
}

/// A playground of its own on ports of its own, at 120x36.
fn playground(arguments: &[&str]) -> Terminal {
    let ports = free_ports();
    let own = ["--base-port", &ports.0, "--zookeeper-port", &ports.1];
    Terminal::start(program(), &[&own, arguments].concat(), 120, 36)
}

/// The same, keeping nothing, in a terminal with these variables.
fn playground_as(variables: &[(&str, &str)], size: (u16, u16)) -> Terminal {
    let ports = free_ports();
    let own = [
        "--ephemeral",
        "--base-port",
        &ports.0,
        "--zookeeper-port",
        &ports.1,
    ];
    Terminal::start_as(variables, program(), &own, size)
}

/// Two port numbers that nobody listens on now; where somebody does a moment later, the playground takes the next.
fn free_ports() -> (String, String) {
    let free = || {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener
            .local_addr()
            .expect("it is bound")
            .port()
            .to_string()
    };
    (free(), free())
}
