//! The stages in their order: the one place that knows it.

use std::{future::Future, marker::PhantomData, pin::Pin};

use hoidap_shared::{job::Question, stage::Stage};

use crate::{
    canary::Offer,
    classifier::Classifier,
    generator::Generator,
    retriever::Retriever,
    runner::{self, Context},
};

/// A future that can be handed around.
pub type Task = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// One stage of the pipeline, its types forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The stage's name.
    pub name: &'static str,
    /// The stage after it; `None` for the last.
    pub next: Option<&'static str>,
    /// Runs the stage until the context says stop.
    pub run: fn(Context, Option<&'static str>) -> Task,
    /// Runs a canary of the stage likewise.
    pub canary: fn(Context, Offer) -> Task,
}

/// The stages a question passes, first to last. Each takes what the one before it gives: the compiler checks.
pub fn pipeline() -> Vec<Entry> {
    Chain::<Question>::begin().then::<Classifier>().then::<Retriever>().then::<Generator>().entries
}

struct Chain<T> {
    entries: Vec<Entry>,
    message: PhantomData<T>,
}

impl<T: Send + Sync> Chain<T> {
    fn begin() -> Self {
        Self { entries: Vec::new(), message: PhantomData }
    }

    fn then<S: Stage<In = T>>(mut self) -> Chain<S::Out> {
        if let Some(before) = self.entries.last_mut() {
            before.next = Some(S::NAME);
        }
        let run: fn(Context, Option<&'static str>) -> Task =
            |context, next| Box::pin(runner::run::<S>(context, next));
        let canary: fn(Context, Offer) -> Task =
            |context, offer| Box::pin(runner::canary::<S>(context, offer));
        self.entries.push(Entry { name: S::NAME, next: None, run, canary });
        Chain { entries: self.entries, message: PhantomData }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stage_hands_on_to_the_next() {
        let order: Vec<_> = pipeline().iter().map(|entry| (entry.name, entry.next)).collect();
        assert_eq!(
            order,
            [("classifier", Some("retriever")), ("retriever", Some("generator")), ("generator", None)]
        );
    }
}
