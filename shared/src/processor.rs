//! Refuses a processor that a program was not compiled for.

use std::{fs, io};

/// Refuses to run on a processor without AVX2 when this crate was compiled for it, or when the caller `needs_avx2`: an illegal
/// instruction would end the process without a word.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`], with what to do.
pub fn check_processor(needs_avx2: bool) -> io::Result<()> {
    // `is_x86_feature_detected` trusts the compiler's flags. Where the file cannot be read, nothing is refused.
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_else(|_| "avx2".into());
    if (needs_avx2 || cfg!(target_feature = "avx2")) && !has_avx2(&processors) {
        let reason =
            "this processor has no AVX2, for which Hoidap was compiled: build it again here by ./dev build";
        return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
    }
    Ok(())
}

fn has_avx2(processors: &str) -> bool {
    processors.split_whitespace().any(|flag| flag == "avx2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_is_a_word_of_its_own() {
        assert!(has_avx2("flags\t: fpu avx avx2 bmi1\n"));
        assert!(!has_avx2("flags\t: fpu avx avx512f avx2_like\n"));
        check_processor(true).expect("the tests run on the processor that they were compiled for");
    }
}
