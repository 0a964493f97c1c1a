//! Tells the program which reqwest it is made with.

fn main() {
    let lock = std::fs::read_to_string("Cargo.lock").expect("Cargo.lock");
    let version = lock.split("name = \"reqwest\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    println!("cargo:rustc-env=REQWEST_VERSION={}", version.expect("reqwest in Cargo.lock"));
    println!("cargo:rerun-if-changed=Cargo.lock");
}
