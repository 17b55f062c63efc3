//! How the program is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Every process would write its own copy of some 800 KiB of addresses into itself when it starts: half of what a broker
    // at rest has to itself, and a hundred of them run on a laptop. At a fixed address they share the file's pages.
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux")
        && std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("gnu")
    {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
