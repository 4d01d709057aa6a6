//! Distributions of cosines, and those of unrelated questions, to which other cosines are compared.

use hoidap_shared::text::Language;
use serde::{Deserialize, Serialize};

/// Languages of the unrelated questions.
pub(crate) const QUESTION_LANGUAGES: [Language; 2] = [Language::Vi, Language::En];

/// Mean and standard deviation of cosines.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreDistribution {
    /// The mean.
    pub mean: f32,
    /// The standard deviation, above 0.
    pub deviation: f32,
}

/// The smallest standard deviation that is used.
const MIN_DEVIATION: f32 = 0.005;

impl Default for ScoreDistribution {
    fn default() -> Self {
        Self { mean: 0.0, deviation: 1.0 }
    }
}

impl ScoreDistribution {
    /// The distribution of some values; the default if there are none.
    pub fn of(values: &[f32]) -> Self {
        if values.is_empty() {
            return Self::default();
        }
        let count = values.len() as f32;
        let mean = values.iter().sum::<f32>() / count;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / count;
        Self { mean, deviation: variance.sqrt().max(MIN_DEVIATION) }
    }

    /// How many standard deviations a value lies above the mean.
    pub fn z_score(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }
}

/// The best cosines of unrelated questions with a collection's chunks, by the language of the questions. The model's cosines
/// lie in a narrow range that differs between collections, so they only mean something relative to this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct UnrelatedScores {
    /// Of questions in Vietnamese.
    pub vi: ScoreDistribution,
    /// Of questions in English.
    pub en: ScoreDistribution,
}

impl UnrelatedScores {
    /// How many standard deviations a cosine lies above those of unrelated questions of the language.
    pub fn z_score(self, language: Language, cosine: f32) -> f32 {
        let spread = if language == Language::Vi { self.vi } else { self.en };
        spread.z_score(cosine)
    }
}
