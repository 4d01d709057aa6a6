//! A linear probe: multinomial logistic regression over a text's embedding and words.

use std::collections::BTreeMap;

use hoidap_shared::text::fold;
use serde::{Deserialize, Serialize};

/// Increase it with every change to the features or the training, so that cached probes are not reused.
pub const PROBE_VERSION: &str = "1";

/// Iterations of gradient descent; the loss converges well before.
const TRAINING_ROUNDS: usize = 300;
/// Learning rate of gradient descent, and its momentum.
const LEARNING_RATE: f32 = 0.5;
const MOMENTUM: f32 = 0.9;
/// Weight of the L2 penalty, which prevents overfitting to single examples.
const L2_PENALTY: f32 = 1e-4;
/// Embeddings of one model share a large mean. What is left after centring is scaled to this norm.
const EMBEDDING_NORM: f32 = 2.0;
/// The norm of a text's word features.
const TERMS_NORM: f32 = 2.0;
/// Fewest examples that a word or pair of words must occur in.
const MIN_TERM_EXAMPLES: usize = 2;

/// A trained probe. Training is deterministic.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinearProbe {
    mean: Vec<f32>,
    vocabulary: BTreeMap<String, usize>,
    /// For each class, one weight per feature.
    weights: Vec<Vec<f32>>,
}

/// A labelled example.
#[derive(Clone, Debug)]
pub struct LabelledExample {
    /// The normalised text.
    pub text: String,
    /// Its embedding.
    pub embedding: Vec<f32>,
    /// Its class, from 0.
    pub class: usize,
}

/// The non-zero features of a text, by index.
type SparseFeatures = Vec<(usize, f32)>;

impl LinearProbe {
    /// Fits a probe to examples with embeddings of equal length. Classes are weighted equally, whatever their
    /// number of examples. The loss is cross-entropy with an L2 penalty (Bishop, Pattern Recognition and Machine
    /// Learning, 4.3.4), minimised by gradient descent with momentum.
    pub fn fit(examples: &[LabelledExample], classes: usize) -> Self {
        let dimensions = examples.first().map_or(0, |example| example.embedding.len());
        let mut mean = vec![0.0; dimensions];
        for example in examples {
            for (sum, value) in mean.iter_mut().zip(&example.embedding) {
                *sum += value / examples.len() as f32;
            }
        }
        let mut probe = Self { mean, vocabulary: build_vocabulary(examples), weights: Vec::new() };
        let width = dimensions + probe.vocabulary.len() + 1;
        probe.weights = vec![vec![0.0; width]; classes];
        let inputs: Vec<SparseFeatures> =
            examples.iter().map(|example| probe.features(&example.text, &example.embedding)).collect();
        let mut counts = vec![0_usize; classes];
        for example in examples {
            counts[example.class] += 1;
        }
        let mut velocity = vec![vec![0.0; width]; classes];
        for _ in 0..TRAINING_ROUNDS {
            let mut gradient: Vec<Vec<f32>> = probe
                .weights
                .iter()
                .map(|row| row.iter().map(|weight| weight * L2_PENALTY).collect())
                .collect();
            for (input, example) in inputs.iter().zip(examples) {
                let share = 1.0 / (counts[example.class] * classes) as f32;
                for (class, probability) in probe.probabilities_of(input).into_iter().enumerate() {
                    let error = (probability - f32::from(u8::from(class == example.class))) * share;
                    for (index, value) in input {
                        gradient[class][*index] += error * value;
                    }
                }
            }
            for ((weights, speeds), slopes) in probe.weights.iter_mut().zip(&mut velocity).zip(&gradient) {
                for ((weight, speed), slope) in weights.iter_mut().zip(speeds).zip(slopes) {
                    *speed = MOMENTUM * *speed - LEARNING_RATE * slope;
                    *weight += *speed;
                }
            }
        }
        probe
    }

    /// Whether every class has a finite weight for every feature.
    pub fn is_complete(&self) -> bool {
        let width = self.mean.len() + self.vocabulary.len() + 1;
        let whole = |row: &Vec<f32>| row.len() == width && row.iter().all(|weight| weight.is_finite());
        !self.weights.is_empty() && self.weights.iter().all(whole)
    }

    /// The probability of each class; they sum to 1.
    pub fn probabilities(&self, text: &str, embedding: &[f32]) -> Vec<f32> {
        self.probabilities_of(&self.features(text, embedding))
    }

    /// The centred embedding, the known words, and a constant 1.
    fn features(&self, text: &str, embedding: &[f32]) -> SparseFeatures {
        let centred: Vec<f32> = embedding.iter().zip(&self.mean).map(|(value, mean)| value - mean).collect();
        let length = centred.iter().map(|value| value * value).sum::<f32>().sqrt().max(1e-6);
        let mut features: SparseFeatures =
            centred.into_iter().map(|value| value * EMBEDDING_NORM / length).enumerate().collect();
        let mut known: Vec<usize> =
            word_features(text).filter_map(|term| self.vocabulary.get(&term).copied()).collect();
        known.sort_unstable();
        known.dedup();
        let each = TERMS_NORM / (known.len().max(1) as f32).sqrt();
        features.extend(known.into_iter().map(|index| (self.mean.len() + index, each)));
        features.push((self.mean.len() + self.vocabulary.len(), 1.0));
        features
    }

    fn probabilities_of(&self, input: &SparseFeatures) -> Vec<f32> {
        let score = |row: &Vec<f32>| input.iter().map(|(index, value)| row[*index] * value).sum::<f32>();
        let scores: Vec<f32> = self.weights.iter().map(score).collect();
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = scores.iter().map(|score| (score - highest).exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.into_iter().map(|power| power / sum).collect()
    }
}

fn build_vocabulary(examples: &[LabelledExample]) -> BTreeMap<String, usize> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for example in examples {
        let mut of_example: Vec<String> = word_features(&example.text).collect();
        of_example.sort_unstable();
        of_example.dedup();
        for term in of_example {
            *seen.entry(term).or_default() += 1;
        }
    }
    let kept = seen.into_iter().filter(|(_, count)| *count >= MIN_TERM_EXAMPLES);
    kept.enumerate().map(|(index, (term, _))| (term, index)).collect()
}

/// Folded words and pairs of adjacent words. All numbers are one word, and all codes are one word.
fn word_features(text: &str) -> impl Iterator<Item = String> {
    let folded = fold(text);
    let words: Vec<String> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| match (word.chars().any(char::is_numeric), word.chars().all(char::is_numeric)) {
            (_, true) => "#number".to_string(),
            (true, _) => "#code".to_string(),
            _ => word.to_string(),
        })
        .collect();
    let pairs: Vec<String> = words.windows(2).map(|pair| pair.join(" ")).collect();
    words.into_iter().chain(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(text: &str, embedding: [f32; 2], class: usize) -> LabelledExample {
        LabelledExample { text: text.into(), embedding: embedding.to_vec(), class }
    }

    #[test]
    fn meaning_and_words_both_tell_classes_apart() {
        let examples = [
            example("red apple", [1.0, 0.1], 0),
            example("red pear", [0.9, 0.0], 0),
            example("blue sky", [0.0, 1.0], 1),
            example("blue sea", [0.1, 0.9], 1),
        ];
        let probe = LinearProbe::fit(&examples, 2);
        assert!(probe.probabilities("", &[1.0, 0.0])[0] > 0.8);
        assert!(probe.probabilities("blue", &[0.5, 0.5])[1] > 0.8);
        let sum: f32 = probe.probabilities("x", &[0.3, 0.3]).iter().sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_class_with_more_examples_does_not_win_by_number() {
        let mut examples = vec![example("a", [1.0, 0.0], 0); 50];
        examples.push(example("b", [0.0, 1.0], 1));
        assert!(LinearProbe::fit(&examples, 2).probabilities("", &[0.0, 1.0])[1] > 0.8);
    }

    #[test]
    fn codes_and_numbers_are_one_word_each() {
        let found: Vec<String> = word_features("Lỗi AB12, 403").collect();
        assert_eq!(found, ["loi", "#code", "#number", "loi #code", "#code #number"]);
    }
}
