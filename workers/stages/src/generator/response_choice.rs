//! Chooses between a model's response and the quotation, by the probability that each is right.

use std::collections::BTreeMap;

use hoidap_shared::config::{Config, ProviderKind};

use crate::generator::{
    AnswerContext, AnswerDraft, AnswerEngine, answer::assembly::AnswerSentence, passages::segmenter::Segment,
    provider::failover::ModelResponse, reader::RankedSegment, text::content::TextContent,
    verifier::model_response::MODEL_REFUSED,
};

/// Factor on a quotation's confidence when a model said that the passages do not answer, unless the model is trusted
/// more.
const CONFIDENCE_FACTOR_AFTER_REFUSAL: f32 = 0.6;
/// A response needs at least this share of the quotation's confidence. A response that says the same as the quotation
/// has somewhat less, since its support is below 1.
const MIN_RELATIVE_CONFIDENCE: f32 = 0.5;
/// The trust from which a model is taken to read what it writes from the passages.
const MIN_TRUST: f32 = 0.5;
/// A segment with this share of a sentence's terms, by weight, counts as what the sentence says.
const MIN_TERM_COVERAGE: f32 = 0.5;

/// The reasons for a rejected response: it is too likely to be wrong, or much more likely than the quotation.
const UNCERTAIN: &str = "what the model wrote is too likely to be wrong";
const QUOTATION_IS_LIKELIER: &str = "the quotation is much more likely to be right than what the model wrote";

/// How far each provider is trusted: `providers.<name>.trust`.
pub(super) struct ProviderTrust(BTreeMap<String, f32>);

impl ProviderTrust {
    /// Reads the trust in the providers that are asked.
    pub(super) fn new(config: &Config) -> Self {
        let trust = |name: &String| {
            let provider = config.providers.get(name).filter(|p| p.kind != ProviderKind::Extractive)?;
            Some((name.clone(), provider.trust))
        };
        Self(config.generator.providers.iter().filter_map(trust).collect())
    }

    /// The probability that a supported response of this provider is right, whatever the reader says of it.
    fn of(&self, provider: &str) -> f32 {
        self.0.get(provider).copied().unwrap_or_default()
    }

    /// Whether this provider is trusted so far that a whole passage may support its sentences.
    pub(super) fn is_trusted(&self, provider: &str) -> bool {
        self.of(provider) >= MIN_TRUST
    }

    /// The greatest trust in any provider.
    pub(super) fn highest(&self) -> f32 {
        self.0.values().copied().fold(0.0, f32::max)
    }
}

impl AnswerEngine {
    /// The model's response where it is verified and likely enough, else the quotation with the reason why the response
    /// was rejected.
    pub(super) fn choose_draft(
        &self,
        context: &AnswerContext,
        response: Option<ModelResponse>,
    ) -> (Option<AnswerDraft>, Option<&'static str>) {
        let Some(response) = response else { return (context.quoted_draft(), None) };
        let trust = self.trust.of(&response.provider);
        let chosen = self.verify_response(context, &response).and_then(|cited| {
            let confidence = self.response_confidence(context, &cited.sentences, &response.provider);
            self.check_confidence(context, confidence).map(|()| (cited.sentences, confidence))
        });
        match chosen {
            Ok((sentences, confidence)) => {
                let sentences = context.with_assumed_product(sentences);
                (Some(AnswerDraft { sentences, confidence, response: Some(response) }), None)
            }
            Err(fault) => {
                let refused = if fault == MODEL_REFUSED {
                    CONFIDENCE_FACTOR_AFTER_REFUSAL.min(1.0 - trust)
                } else {
                    1.0
                };
                let lowered =
                    |draft: AnswerDraft| AnswerDraft { confidence: draft.confidence * refused, ..draft };
                (context.quoted_draft().map(lowered), Some(fault))
            }
        }
    }

    /// Whether the verified beginning of a provider's response may be shown before its end.
    pub(super) fn may_show(
        &self,
        context: &AnswerContext,
        sentences: &[AnswerSentence],
        provider: &str,
    ) -> bool {
        let confidence = self.response_confidence(context, sentences, provider);
        self.check_confidence(context, confidence).is_ok()
    }

    fn check_confidence(&self, context: &AnswerContext, confidence: f32) -> Result<(), &'static str> {
        let quoted = context.quoted.as_ref().map_or(0.0, |quoted| quoted.draft.confidence);
        if confidence < self.settings.min_confidence {
            return Err(UNCERTAIN);
        }
        if confidence < quoted * MIN_RELATIVE_CONFIDENCE {
            return Err(QUOTATION_IS_LIKELIER);
        }
        Ok(())
    }

    /// The probability that a verified response is right: by the reader's chances of what it says, at least the quotation's
    /// where it says the same, and at least the trust in the provider.
    fn response_confidence(
        &self,
        context: &AnswerContext,
        sentences: &[AnswerSentence],
        provider: &str,
    ) -> f32 {
        let (verifier, trust) = (self.verifier(context, provider), self.trust.of(provider));
        let cited: Vec<_> = sentences
            .iter()
            .filter_map(|sentence| {
                let (passage, support) = sentence.cite?;
                Some((passage, support, TextContent::parse(&sentence.text, &self.segmenter.analyser)))
            })
            .collect();
        if cited.is_empty() {
            return 0.0;
        }
        let says = |segment: &Segment| {
            cited.iter().any(|(passage, _, content)| {
                segment.passage == *passage && verifier.term_coverage(segment, content) >= MIN_TERM_COVERAGE
            })
        };
        let is_cited = |segment: &Segment| cited.iter().any(|(passage, ..)| segment.passage == *passage);
        let support = cited.iter().map(|(_, support, _)| support).sum::<f32>() / cited.len() as f32;
        // Where no segment matches the wording, as in another language, all segments of the cited passages count.
        let found = context.supporting_segments(says).or_else(|| context.supporting_segments(is_cited));
        let by_reader = found.map_or(0.0, |(best, chance)| self.confidence(context, support * chance, best));
        let agreed = context.quoted.as_ref().map_or(0.0, |quoted| {
            if says(&context.passage_set.segments[quoted.segment]) { quoted.draft.confidence } else { 0.0 }
        });
        // A trusted model has read whether the passages are about what the question names.
        let named = if self.trust.is_trusted(provider) { 1.0 } else { context.entity_factor() };
        by_reader.max(agreed).max(support * trust * named)
    }
}

impl AnswerContext {
    fn quoted_draft(&self) -> Option<AnswerDraft> {
        self.quoted.as_ref().map(|quoted| quoted.draft.clone())
    }

    /// The best-ranked matching segment, and the sum of the chances of all matching ones.
    fn supporting_segments(&self, these: impl Fn(&Segment) -> bool) -> Option<(RankedSegment, f32)> {
        let these = |ranked: &&RankedSegment| these(&self.passage_set.segments[ranked.segment]);
        let best = *self.ranked.iter().find(these)?;
        Some((best, self.ranked.iter().filter(these).map(|segment| segment.chance).sum()))
    }
}
