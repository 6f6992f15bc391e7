//! Builds again when a migration is added: the list of them is read while compiling.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
