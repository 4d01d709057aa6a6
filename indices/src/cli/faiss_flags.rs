/// The compiler flags of FAISS, from the build script. They show its instruction set.
const FAISS_FLAGS: &str = env!("HOIDAP_FAISS_FLAGS");

/// Whether FAISS was compiled for processors with AVX2.
pub(super) fn faiss_has_avx2() -> bool {
    FAISS_FLAGS
        .split_whitespace()
        .any(|flag| matches!(flag, "-mavx2" | "-march=x86-64-v3" | "-march=x86-64-v4" | "-march=native"))
}

/// The line that a build prints about the instruction set.
pub(super) fn faiss_line() -> String {
    if faiss_has_avx2() {
        format!("FAISS was compiled with {FAISS_FLAGS}")
    } else {
        "FAISS was compiled without AVX2, so searches are slower: build with CXXFLAGS=\"-O3 -march=x86-64-v3\"".into()
    }
}
