//! Saying an answer while a model writes it: sentence by sentence, each with its citation, as soon as it is whole and a
//! passage supports it; or a quotation that stands until the model's words are judged.
//!
//! What is said is the beginning of what [`assembly::assemble`] will make of the whole, as far as that can be known. Where
//! it cannot, saying ends, and the stored answer mends what was said.

use std::sync::Arc;

use hoidap_shared::{
    job::Citation,
    live::{Cited, Draft, Live, Reason, Said},
    text::sentences,
};

use crate::generator::{
    Case, Tools,
    answer::assembly::{self, Final},
    off_thread,
    text::cleaning::{Worth, model_text, worth},
    verifier::accepted_sentences::Given,
};

/// Characters of an answer that are waited for before any is said: enough to know a label or a refusal.
const FIRST: usize = 24;
/// Characters from an open bracket on that may become a mark of a citation.
const OPEN: usize = 40;
/// Characters of a passage that are shown with it.
const PREVIEW: usize = 500;

/// Says one answer.
pub(in crate::generator) struct Aloud<'a> {
    live: &'a Live,
    tools: &'a Arc<Tools>,
    case: &'a Arc<Case>,
    /// What is given of the sentences that are whole, and these.
    given: Given,
    judged: Vec<String>,
    said: Final,
    lost: bool,
    /// A quotation stands: what a model writes is told when it is judged.
    drafted: bool,
}

impl<'a> Aloud<'a> {
    /// Begins with the passages.
    pub(in crate::generator) fn begin(live: &'a Live, tools: &'a Arc<Tools>, case: &'a Arc<Case>) -> Self {
        if live.is_heard() {
            let sources = case.material.passages.iter().map(|passage| {
                let mut source = assembly::source(passage);
                source.content = source.content.chars().take(PREVIEW).collect();
                source
            });
            live.say(Said::Sources(sources.collect()));
        }
        Self {
            live,
            tools,
            case,
            given: Given::default(),
            judged: Vec::new(),
            said: Final::default(),
            lost: false,
            drafted: false,
        }
    }

    /// Shows the quotation at once, where it is sure enough, and keeps silent until the answer is there.
    pub(in crate::generator) fn draft(&mut self) {
        let sure = self.tools.settings.draft_confidence;
        let Some(quoted) = self.case.quoted.as_ref().filter(|quoted| quoted.confidence >= sure) else {
            return;
        };
        if !self.live.is_heard() {
            return;
        }
        self.said = assembly::assemble(&quoted.pieces, &self.case.material.passages);
        self.drafted = true;
        let citations = self.said.citations.iter().map(|citation| cited(&self.said, citation)).collect();
        self.live.say(Said::Draft(Draft { text: self.said.text.clone(), citations }));
    }

    /// Whether what was said is a quotation.
    pub(in crate::generator) fn is_drafted(&self) -> bool {
        self.drafted
    }

    /// The visitor's word to stop.
    pub(in crate::generator) fn live(&self) -> &'a Live {
        self.live
    }

    /// Hears the whole of what a model has written by now.
    pub(in crate::generator) async fn hear(&mut self, raw: &str) {
        if !self.live.is_heard() || self.lost || self.drafted {
            return;
        }
        let clean = model_text(raw);
        let text = settled(&clean);
        if self.said.text.is_empty()
            && (text.chars().count() < FIRST || worth(&clean, &self.case.asked.text) != Worth::Words)
        {
            return;
        }
        if self.read(text).await.is_err() {
            self.lost = true;
            return;
        }
        let now =
            assembly::assemble(&self.case.said_for(self.given.pieces.clone()), &self.case.material.passages);
        match now.text.strip_prefix(&self.said.text) {
            Some("") => {}
            Some(more) => self.live.say(Said::Text(more.to_string())),
            None => {
                self.lost = true;
                return;
            }
        }
        for citation in &now.citations[self.said.citations.len().min(now.citations.len())..] {
            self.live.say(Said::Cited(cited(&now, citation)));
        }
        self.said = now;
    }

    /// Judges the sentences of a text that are whole; the last one is still being written.
    async fn read(&mut self, text: &str) -> Result<(), ()> {
        let mut ranges = sentences(text);
        ranges.pop();
        let (mut at, mut new) = (0, Vec::new());
        for (i, range) in ranges.into_iter().enumerate() {
            let (lead, sentence) = (text[at..range.start].to_string(), text[range.clone()].to_string());
            at = range.end;
            match self.judged.get(i) {
                Some(judged) if *judged != sentence => return Err(()),
                Some(_) => {}
                None => new.push((lead, sentence)),
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        self.judged.extend(new.iter().map(|(_, sentence)| sentence.clone()));
        let (tools, case, mut given) = (Arc::clone(self.tools), Arc::clone(self.case), self.given.clone());
        let judging = off_thread(move || {
            let judge = tools.judge_of(&case);
            for (lead, sentence) in &new {
                let verdict = judge.judge(&given.said(), sentence);
                given.take(lead, sentence, verdict);
            }
            given
        });
        self.given = judging.await.map_err(|_| ())?;
        Ok(())
    }

    /// Takes back what was said of a model's words.
    pub(in crate::generator) fn void(&mut self, reason: Reason) {
        if self.drafted {
            return;
        }
        if !self.said.text.is_empty() {
            self.live.say(Said::Void(reason));
        }
        (self.given, self.judged) = (Given::default(), Vec::new());
        (self.said, self.lost) = (Final::default(), false);
    }

    /// What was said by now.
    pub(in crate::generator) fn into_said(self) -> Final {
        self.said
    }
}

fn cited(said: &Final, citation: &Citation) -> Cited {
    let source = &said.sources[citation.n as usize - 1].metadata;
    Cited {
        citation: citation.clone(),
        chunk_id: source.chunk_id.clone(),
        url: source.url.clone(),
        title: source.title.clone(),
    }
}

/// The part of a text that what is still to come leaves as it is: up to the last word or open bracket.
fn settled(text: &str) -> &str {
    let end = text.rfind(char::is_whitespace).unwrap_or(0);
    let open = text[..end]
        .char_indices()
        .rev()
        .take(OPEN)
        .take_while(|(_, c)| !matches!(c, ']' | '】'))
        .filter(|(_, c)| matches!(c, '[' | '【'))
        .last();
    text[..open.map_or(end, |(at, _)| at)].trim_end()
}

#[cfg(test)]
mod tests {
    use super::settled;

    #[test]
    fn what_may_change_is_not_said() {
        assert_eq!(settled("Gói Pro có 500 G"), "Gói Pro có 500");
        assert_eq!(settled("It has 500 GB [1, "), "It has 500 GB");
        assert_eq!(settled("It has 500 GB [1] and mor"), "It has 500 GB [1] and");
        assert_eq!(settled("word"), "");
    }
}
