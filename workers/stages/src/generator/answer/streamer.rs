//! Streams an answer while the model writes it. Each sentence is sent with its citation once it is complete and
//! verified. Alternatively a quotation is shown as a draft until the model's response is verified.
//!
//! The streamed text is a prefix of what [`assembly::assemble`] makes of the whole response. When the two diverge,
//! streaming stops, and the stored answer replaces what was shown.

use std::sync::Arc;

use hoidap_shared::{
    job::Citation,
    progress::{CitedSentence, Draft, ProgressSink, StageEvent, VoidReason},
    text::sentences,
};

use crate::generator::{
    AnswerContext, AnswerEngine,
    answer::assembly::{self, AssembledAnswer},
    run_blocking,
    text::cleaning::{ResponseKind, classify_response, clean_model_text},
    verifier::accepted_sentences::AcceptedSentences,
};

/// Characters to wait for before anything is shown: enough to recognise a label or a refusal.
const MIN_FIRST_CHARS: usize = 24;
/// Longest text after an open bracket that may still become a citation mark, in characters.
const MAX_CITATION_MARK_CHARS: usize = 40;
/// Characters of a passage that are sent as a preview.
const SOURCE_PREVIEW_CHARS: usize = 500;

/// Streams one answer.
pub(in crate::generator) struct AnswerStreamer<'a> {
    live: &'a ProgressSink,
    engine: &'a Arc<AnswerEngine>,
    context: &'a Arc<AnswerContext>,
    /// The accepted sentences, and the sentences that were verified so far.
    accepted: AcceptedSentences,
    judged_sentences: Vec<String>,
    shown: AssembledAnswer,
    /// Whether the accepted sentences are likely enough to be shown.
    may_show: bool,
    is_diverged: bool,
    /// Whether a quotation is shown as a draft. Then nothing of the response is streamed.
    shows_draft: bool,
}

impl<'a> AnswerStreamer<'a> {
    /// Sends the passages, then waits for text.
    pub(in crate::generator) fn start(
        live: &'a ProgressSink,
        engine: &'a Arc<AnswerEngine>,
        context: &'a Arc<AnswerContext>,
    ) -> Self {
        if live.has_listener() {
            let sources = context.passage_set.passages.iter().map(|passage| {
                let mut source = assembly::to_source(passage);
                source.content = source.content.chars().take(SOURCE_PREVIEW_CHARS).collect();
                source
            });
            live.send(StageEvent::Sources(sources.collect()));
        }
        Self {
            live,
            engine,
            context,
            accepted: AcceptedSentences::default(),
            judged_sentences: Vec::new(),
            shown: AssembledAnswer::default(),
            may_show: false,
            is_diverged: false,
            shows_draft: false,
        }
    }

    /// Sends the quotation as a draft, if it is confident enough.
    pub(in crate::generator) fn show_draft(&mut self) {
        let sure = self.engine.settings.draft_confidence;
        let Some(quoted) = self.context.quoted.as_ref().filter(|quoted| quoted.draft.confidence >= sure)
        else {
            return;
        };
        if !self.live.has_listener() {
            return;
        }
        self.shown = assembly::assemble(&quoted.draft.sentences, &self.context.passage_set.passages);
        self.shows_draft = true;
        let citations =
            self.shown.citations.iter().map(|citation| live_citation(&self.shown, citation)).collect();
        self.live.send(StageEvent::Draft(Draft { text: self.shown.text.clone(), citations }));
    }

    /// Whether a quotation is shown as a draft.
    pub(in crate::generator) fn shows_draft(&self) -> bool {
        self.shows_draft
    }

    /// The live channel, which also tells whether the visitor stopped the answer.
    pub(in crate::generator) fn live(&self) -> &'a ProgressSink {
        self.live
    }

    /// Takes a provider's whole response so far, and sends what is new, verified and likely enough.
    pub(in crate::generator) async fn update(&mut self, provider: &str, raw: &str) {
        if !self.live.has_listener() || self.is_diverged || self.shows_draft {
            return;
        }
        let clean = clean_model_text(raw);
        let text = stable_prefix(&clean);
        if self.shown.text.is_empty()
            && (text.chars().count() < MIN_FIRST_CHARS
                || classify_response(&clean, &self.context.parsed.text) != ResponseKind::Candidate)
        {
            return;
        }
        if self.judge_new_sentences(provider, text).await.is_err() {
            self.is_diverged = true;
            return;
        }
        if !self.may_show {
            return;
        }
        let now = assembly::assemble(
            &self.context.with_assumed_product(self.accepted.sentences.clone()),
            &self.context.passage_set.passages,
        );
        match now.text.strip_prefix(&self.shown.text) {
            Some("") => {}
            Some(more) => self.live.send(StageEvent::Text(more.to_string())),
            None => {
                self.is_diverged = true;
                return;
            }
        }
        for citation in &now.citations[self.shown.citations.len().min(now.citations.len())..] {
            self.live.send(StageEvent::Cited(live_citation(&now, citation)));
        }
        self.shown = now;
    }

    /// Verifies the complete sentences of a text. The last one is still being written.
    async fn judge_new_sentences(&mut self, provider: &str, text: &str) -> Result<(), ()> {
        let mut ranges = sentences(text);
        ranges.pop();
        let (mut at, mut new) = (0, Vec::new());
        for (i, range) in ranges.into_iter().enumerate() {
            let (lead, sentence) = (text[at..range.start].to_string(), text[range.clone()].to_string());
            at = range.end;
            match self.judged_sentences.get(i) {
                Some(judged_sentences) if *judged_sentences != sentence => return Err(()),
                Some(_) => {}
                None => new.push((lead, sentence)),
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        self.judged_sentences.extend(new.iter().map(|(_, sentence)| sentence.clone()));
        let (engine, context, mut accepted) =
            (Arc::clone(self.engine), Arc::clone(self.context), self.accepted.clone());
        let (provider, may_show) = (provider.to_string(), self.may_show);
        let judging = run_blocking(move || {
            let verifier = engine.verifier(&context, &provider);
            for (lead, sentence) in &new {
                let verdict = verifier.verify(&accepted.preceding(), sentence);
                accepted.push(lead, sentence, verdict);
            }
            // What is shown stays until the whole response is judged.
            let may_show = may_show || engine.may_show(&context, &accepted.sentences, &provider);
            (accepted, may_show)
        });
        (self.accepted, self.may_show) = judging.await.map_err(|_| ())?;
        Ok(())
    }

    /// Retracts the streamed text.
    pub(in crate::generator) fn retract(&mut self, reason: VoidReason) {
        if self.shows_draft {
            return;
        }
        if !self.shown.text.is_empty() {
            self.live.send(StageEvent::Void(reason));
        }
        (self.accepted, self.judged_sentences) = (AcceptedSentences::default(), Vec::new());
        (self.shown, self.may_show, self.is_diverged) = (AssembledAnswer::default(), false, false);
    }

    /// What was shown so far.
    pub(in crate::generator) fn into_shown(self) -> AssembledAnswer {
        self.shown
    }
}

fn live_citation(shown: &AssembledAnswer, citation: &Citation) -> CitedSentence {
    let source = &shown.sources[citation.n as usize - 1].metadata;
    CitedSentence {
        citation: citation.clone(),
        chunk_id: source.chunk_id.clone(),
        url: source.url.clone(),
        title: source.title.clone(),
    }
}

/// The prefix that later text cannot change: up to the last word or open bracket.
fn stable_prefix(text: &str) -> &str {
    let end = text.rfind(char::is_whitespace).unwrap_or(0);
    let open = text[..end]
        .char_indices()
        .rev()
        .take(MAX_CITATION_MARK_CHARS)
        .take_while(|(_, c)| !matches!(c, ']' | '】'))
        .filter(|(_, c)| matches!(c, '[' | '【'))
        .last();
    text[..open.map_or(end, |(at, _)| at)].trim_end()
}

#[cfg(test)]
mod tests {
    use super::stable_prefix;

    #[test]
    fn what_may_change_is_not_said() {
        assert_eq!(stable_prefix("Gói Pro có 500 G"), "Gói Pro có 500");
        assert_eq!(stable_prefix("It has 500 GB [1, "), "It has 500 GB");
        assert_eq!(stable_prefix("It has 500 GB [1] and mor"), "It has 500 GB [1] and");
        assert_eq!(stable_prefix("word"), "");
    }
}
