//! Tells the program which flags FAISS was compiled with: cargo hands both build scripts the same environment.

fn main() {
    let target = std::env::var("TARGET").unwrap_or_default();
    let names =
        [format!("CXXFLAGS_{target}"), format!("CXXFLAGS_{}", target.replace('-', "_")), "CXXFLAGS".into()];
    let flags = names.iter().find_map(|name| std::env::var(name).ok()).unwrap_or_default();
    for name in names {
        println!("cargo:rerun-if-env-changed={name}");
    }
    println!("cargo:rustc-env=HOIDAP_FAISS_FLAGS={flags}");
}
