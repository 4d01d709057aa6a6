use hoidap_shared::text::Language;
use serde::{Deserialize, Serialize};

/// Mean and standard deviation of cosines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The mean.
    pub mean: f32,
    /// The standard deviation, above 0.
    pub deviation: f32,
}

/// The narrowest spread that is believed.
const NARROWEST: f32 = 0.005;

impl Default for Spread {
    fn default() -> Self {
        Self { mean: 0.0, deviation: 1.0 }
    }
}

impl Spread {
    /// The spread of some values; the default of none.
    pub fn of(values: &[f32]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        Self { mean, deviation: variance.sqrt().max(NARROWEST) }
    }

    /// How many deviations a value lies above the mean.
    pub fn z(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }
}

/// How near questions that have nothing to do with a collection come to its nearest chunk, for each language they are
/// asked in. The model's cosines are compressed, and differently for every collection: only beside this they mean
/// something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Background {
    /// Asked in Vietnamese.
    pub vi: Spread,
    /// Asked in English.
    pub en: Spread,
}

impl Background {
    /// How many deviations a cosine lies above what unrelated questions of the language reach.
    pub fn z(self, language: Language, cosine: f32) -> f32 {
        let spread = if language == Language::Vi { self.vi } else { self.en };
        spread.z(cosine)
    }
}
