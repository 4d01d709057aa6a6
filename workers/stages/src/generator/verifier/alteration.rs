//! Whether a claim is an altered fact: another name, value, negation or condition.

use std::collections::BTreeSet;

use hoidap_shared::text::fold;

use crate::generator::{
    passages::{
        segmenter::{Segment, SegmentKind},
        table::{TableRow, name_terms},
    },
    text::{
        back_references::refers_back,
        negation::{canonical_form, split_words},
        quantities::{self, Quantity},
        synonyms::has_synonym,
    },
    verifier::{
        alignment::{Alignment, Token, TokenChange, same_words},
        claim::{NEGLIGIBLE_WEIGHT, proper_names},
        claim_check::{ClaimCheck, Mismatch},
    },
};

/// A claim and a fact are aligned if they share at least this share of its content terms.
const MIN_ALIGNED_COVERAGE: f32 = 0.5;
/// From this share on, the claim is the fact or an altered copy of it.
const MIN_COPY_COVERAGE: f32 = 0.8;
/// Most words of a replaced beginning or end.
const MAX_REPLACED_WORDS: usize = 3;
/// Largest share of the claim's weight in terms that only other segments contain.
const MAX_FOREIGN_TERM_SHARE: f32 = 0.3;

impl ClaimCheck<'_> {
    /// How the claim alters a fact, if it does.
    pub(in crate::generator) fn alteration(&self, at: usize) -> Option<Mismatch> {
        let segment = &self.passage_set.segments[at];
        if self.weight_of_foreign_terms(segment) > MAX_FOREIGN_TERM_SHARE * self.claim.weight() {
            return Some(Mismatch::Subject);
        }
        if let Some(row) = &segment.row {
            if self.names_other_row(at, segment, row) {
                return Some(Mismatch::Subject);
            }
            return self.uses_other_column(segment, row).then_some(Mismatch::Binding);
        }
        let laid = Alignment::new(&self.claim.tokens, &segment.tokens);
        if laid.coverage() < MIN_ALIGNED_COVERAGE {
            return None;
        }
        if laid.swaps_parts() {
            return Some(Mismatch::Binding);
        }
        if laid.coverage() >= MIN_COPY_COVERAGE && self.swaps_quantity(segment) {
            return Some(Mismatch::Quantity);
        }
        laid.changes().iter().find_map(|change| {
            if laid.flips_polarity(change) || laid.changes_condition(change) {
                return Some(Mismatch::Polarity);
            }
            self.substitutes_term(segment, &laid, change).then_some(Mismatch::Subject)
        })
    }

    /// Whether the claim replaces one of the fact's quantities by another one of the same kind.
    fn swaps_quantity(&self, segment: &Segment) -> bool {
        let mut left_out: Vec<&Quantity> =
            segment.clauses.iter().flat_map(|clause| &clause.quantities).collect();
        let mut strange = Vec::new();
        for quantity in &self.claim.quantities {
            match left_out.iter().position(|known| known.equals(quantity)) {
                Some(at) => drop(left_out.remove(at)),
                // A row's name is in none of its clauses.
                None if segment.row.is_some() && segment.content.has_quantity(quantity) => {}
                None => strange.push(quantity),
            }
        }
        strange.iter().any(|quantity| {
            left_out.iter().any(|known| {
                known.is_code() == quantity.is_code() && known.dimension() == quantity.dimension()
            })
        })
    }

    /// Whether a segment contains nearly all of the claim's terms but does not support it. Then the claim is an
    /// altered copy.
    pub(in crate::generator) fn is_altered_copy(&self) -> bool {
        (0..self.passage_set.segments.len()).any(|at| {
            let segment = &self.passage_set.segments[at];
            let laid = || Alignment::new(&self.claim.tokens, &segment.tokens);
            self.can_support(at)
                && self.coverage(at) >= MIN_COPY_COVERAGE
                && (segment.row.is_some() || laid().coverage() >= MIN_COPY_COVERAGE)
                && (!self.has_quantities(at) || self.alteration(at).is_some())
        })
    }

    /// Whether the claim has all that distinguishes a row's name from those of the other rows.
    fn names_row(&self, at: usize) -> bool {
        self.passage_set.is_row_named(at, &self.claim.words(), &self.claim.quantities, self.analyser)
    }

    /// Whether a sentence or a row that is named says nearly the same as the claim, with a change that no other sentence can
    /// account for: a "not", a condition, a name, parts that are swapped, or another value instead of its own.
    pub(in crate::generator) fn alters_a_fact(&self) -> bool {
        let asked = self.claim.context_terms();
        (0..self.passage_set.segments.len()).any(|at| {
            let segment = &self.passage_set.segments[at];
            let Some(row) = &segment.row else { return self.alters_sentence(at, segment, &asked) };
            self.coverage(at) >= MIN_COPY_COVERAGE
                && self.names_row(at)
                && self.passage_set.table_rows(at).into_iter().filter(|&row| self.names_row(row)).count() == 1
                && (self.swaps_quantity(segment) || self.uses_other_column(segment, row))
        })
    }

    fn alters_sentence(&self, at: usize, segment: &Segment, asked: &BTreeSet<&String>) -> bool {
        let laid = Alignment::new(&self.claim.tokens, &segment.tokens);
        if laid.coverage() < MIN_COPY_COVERAGE && !laid.is_near_copy() {
            return false;
        }
        let changes = laid.changes();
        let reverses = |change: &TokenChange| laid.flips_polarity(change) || laid.changes_condition(change);
        let names: BTreeSet<String> = [&self.claim.names, &proper_names(&segment.text)]
            .into_iter()
            .flatten()
            .flat_map(|name| split_words(name))
            .map(fold)
            .collect();
        let is_name = |tokens: &[Token]| {
            tokens.iter().any(|token| token.term.as_ref().is_some_and(|term| names.contains(term)))
        };
        let renames = |change: &TokenChange| {
            let is_above =
                |token: &Token| token.term.as_ref().is_none_or(|term| segment.headings.terms.contains(term));
            // An item leaves out what its heading names.
            let is_heading =
                segment.kind == SegmentKind::Item && laid.claim_tokens(change).iter().all(is_above);
            // Behind what both share, each may go on by itself.
            let goes_on = !change.inside && change.claim.len().max(change.fact.len()) > MAX_REPLACED_WORDS;
            if is_heading || goes_on {
                return false;
            }
            let is_subject = change.claim.start == 0 && change.fact.start == 0 && laid.is_near_copy();
            let is_new = |token: &Token| {
                token.term.as_ref().is_some_and(|term| {
                    !has_synonym(|term| self.passage_set.contains_term(term), term) && !asked.contains(term)
                })
            };
            (is_subject
                || laid.claim_tokens(change).iter().any(is_new)
                || is_name(laid.claim_tokens(change))
                || is_name(laid.fact_tokens(change)))
                && self.substitutes_term(segment, &laid, change)
        };
        changes.iter().any(reverses)
            || self.can_support(at)
                && Alignment::new(&segment.tokens, &self.claim.tokens).coverage() >= MIN_ALIGNED_COVERAGE
                && (self.swaps_quantity(segment) && !self.is_said_elsewhere(at)
                    || laid.swaps_parts()
                    || changes.iter().any(renames))
    }

    /// Whether another segment has all quantities and nearly all terms of the claim.
    fn is_said_elsewhere(&self, at: usize) -> bool {
        (0..self.passage_set.segments.len()).any(|other| {
            other != at
                && self.can_support(other)
                && self.has_quantities(other)
                && self.coverage(other) >= MIN_COPY_COVERAGE
        })
    }

    /// Whether the claim has all words and quantities of a sentence, in order or with two parts swapped.
    pub(in crate::generator) fn is_quotation_of(&self, segment: &Segment) -> bool {
        let (mine, theirs) = (&self.claim.tokens, &segment.tokens);
        if segment.row.is_some() || mine.len() != theirs.len() || mine.is_empty() {
            return false;
        }
        let same = same_words(mine, theirs);
        if !same && !Alignment::new(mine, theirs).is_rearrangement() {
            return false;
        }
        let theirs = quantities::extract(&canonical_form(&segment.text)).stated;
        let mine = &self.claim.quantities;
        // Swapped parts keep their quantities.
        let turns = if same { 1 } else { theirs.len().max(1) };
        mine.len() == theirs.len()
            && (0..turns).any(|by| {
                let theirs = theirs.iter().cycle().skip(by);
                mine.iter().zip(theirs).all(|(mine, theirs)| theirs.equals(mine))
            })
    }

    /// Whether the claim and a segment differ in few words.
    pub(in crate::generator) fn nearly_quotes(&self, segment: &Segment) -> bool {
        let (mine, theirs) = (&self.claim.tokens, &segment.tokens);
        let near = |one, other| Alignment::new(one, other).coverage() >= MIN_COPY_COVERAGE;
        near(mine, theirs) && near(theirs, mine)
    }

    /// The weight of the claim's terms that only other segments contain.
    fn weight_of_foreign_terms(&self, segment: &Segment) -> f32 {
        let of_others = |term: &str| {
            !term.contains(' ')
                && self.passage_set.contains_term(term)
                && !self.passage_set.segment_has_term(segment, term)
        };
        self.claim.terms.iter().filter(|(term, _)| of_others(term)).map(|(_, weight)| weight).sum()
    }

    /// Whether a change replaces a term of the fact by one that the fact does not contain.
    fn substitutes_term(&self, segment: &Segment, laid: &Alignment<'_>, change: &TokenChange) -> bool {
        // Inside the sentence, a term from the heading is a replacement.
        let points = refers_back(&segment.text);
        let told = |term: &str| {
            let own = |term: &str| {
                segment.content.terms.contains(term)
                    || points && segment.surroundings.terms.contains(term)
                    || segment.clauses.iter().any(|part| part.terms.contains(term))
            };
            has_synonym(own, term)
        };
        let mine: Vec<&str> =
            laid.claim_tokens(change).iter().filter_map(|token| token.term.as_deref()).collect();
        let pair = |at: usize| mine.get(at..at + 2).is_some_and(|pair| told(&pair.join(" ")));
        // Quantities and superlatives are checked elsewhere.
        let counts = |term: &str| self.claim.weight_of(term) > NEGLIGIBLE_WEIGHT;
        let strange = (0..mine.len()).any(|at| {
            counts(mine[at]) && !told(mine[at]) && !pair(at) && !at.checked_sub(1).is_some_and(pair)
        });
        let mut theirs = laid.fact_tokens(change).iter().filter_map(|token| token.term.as_deref());
        strange && theirs.any(|term| !has_synonym(|known| mine.contains(&known), term))
    }

    /// Whether the claim contains a term that only names another row, or is only in another row's cell of a named
    /// column.
    fn names_other_row(&self, at: usize, segment: &Segment, row: &TableRow) -> bool {
        let claims = |word: &String| self.claim.terms.iter().any(|(term, _)| term == word);
        let claimed = |word: &String| claims(word) && !self.passage_set.segment_has_term(segment, word);
        let own = |word: &String| segment.clauses.iter().any(|part| part.terms.contains(word));
        // A term that distinguishes another row does not belong to this one, whatever the headings contain.
        let anothers = |word: &String| claims(word) && !own(word) && !segment.content.terms.contains(word);
        let whole = |cell: &str| {
            let (words, _) = name_terms(cell, self.analyser);
            !words.is_empty() && words.iter().all(claims)
        };
        let is_named = whole(row.cell(0));
        let is_row_named = self.names_row(at);
        let columns = self.named_columns(row, &self.claim.lowercase, &self.claim.words());
        let mut others = self.passage_set.table_rows(at).into_iter().filter(|other| *other != at);
        others.any(|other| {
            let cells = self.passage_set.segments[other].row.as_deref();
            let cell = |column: &usize| {
                let words = |row: &TableRow| name_terms(row.cell(*column), self.analyser).0;
                let told = words(row).iter().all(claims);
                let theirs = cells.map(words).unwrap_or_default();
                theirs.iter().any(|word| claimed(word) || !told && anothers(word))
            };
            let (words, _) = self.passage_set.distinguishing_names(other, self.analyser);
            let names_it = words.iter().any(anothers) && (!is_row_named || words.iter().all(claims));
            names_it
                || columns.iter().any(cell)
                || !is_named && cells.is_some_and(|cells| whole(cells.cell(0)))
        })
    }

    /// The columns whose names the terms contain.
    fn named_columns(&self, row: &TableRow, low: &str, terms: &BTreeSet<String>) -> Vec<usize> {
        let claimed = |word: &String| has_synonym(|known| terms.contains(known), word);
        let spaced =
            |text: &str| format!(" {} ", split_words(&canonical_form(text)).collect::<Vec<_>>().join(" "));
        let low = spaced(low);
        let is_named = |column: &usize| {
            let (words, _) = name_terms(row.column_name(*column), self.analyser);
            let name = spaced(row.column_name(*column));
            // A name of function words only, such as "Use it to".
            let phrase = || !name.trim().is_empty() && low.contains(&name);
            if words.is_empty() { phrase() } else { words.iter().all(claimed) }
        };
        (1..row.cells.len()).filter(is_named).collect()
    }

    /// Whether a clause names a column, but has quantities or terms from another column's cell.
    fn uses_other_column(&self, segment: &Segment, row: &TableRow) -> bool {
        let cells: Vec<_> =
            (1..row.cells.len()).map(|column| name_terms(row.cell(column), self.analyser).0).collect();
        let names: Vec<_> =
            (1..row.cells.len()).map(|column| name_terms(row.column_name(column), self.analyser).0).collect();
        let headings = &segment.headings.terms;
        let mut columns = Vec::new();
        let (mut said, mut stated) = (BTreeSet::new(), Vec::new());
        self.claim.clauses.iter().any(|clause| {
            // A clause without a column continues the one before it, unless it contains part of a column's name.
            let named = self.named_columns(row, &clause.text, &clause.terms);
            let hints = |column: usize| names[column - 1].iter().any(|word| clause.terms.contains(word));
            if !named.is_empty() {
                (said, stated) = (BTreeSet::new(), Vec::new());
                columns = named;
            } else if (1..row.cells.len()).any(hints) {
                columns.clear();
            }
            if columns.is_empty() {
                return false;
            }
            said.extend(clause.terms.iter().cloned());
            stated.extend(clause.quantities.iter().cloned());
            // Beside the value of each column that it names, a clause may say what else the row has.
            let has_all =
                columns.iter().all(|&column| row.is_value_stated(column, &said, &stated, self.analyser));
            let word = |term: &String| {
                let held = |column: usize| cells[column - 1].contains(term);
                let elsewhere = (1..row.cells.len()).any(held) && !columns.iter().any(|&column| held(column));
                elsewhere && !segment.surroundings.terms.contains(term) && !headings.contains(term)
            };
            let rivals = |quantity: &Quantity| {
                let mut known =
                    columns.iter().flat_map(|&column| quantities::extract(row.cell(column)).stated);
                known.any(|known| {
                    known.is_code() == quantity.is_code() && known.dimension() == quantity.dimension()
                })
            };
            !has_all && clause.terms.iter().any(word)
                || clause.quantities.iter().any(|quantity| {
                    (!has_all || rivals(quantity))
                        && !self.cells_have_quantity(segment, row, &columns, quantity)
                })
        })
    }

    /// Whether the cells of some columns, or the names around them, contain a quantity.
    fn cells_have_quantity(
        &self,
        segment: &Segment,
        row: &TableRow,
        columns: &[usize],
        quantity: &Quantity,
    ) -> bool {
        let label = segment.label.map(|label| &self.passage_set.segments[label].content.quantities);
        let headings = &segment.headings.quantities;
        let cells = columns.iter().map(|&column| row.cell(column)).chain([row.cell(0)]);
        let names =
            (0..row.cells.len()).flat_map(|column| quantities::extract(row.column_name(column)).stated);
        // "20" is 20 GB only if the row or the column says so; a price may omit its currency.
        let measured = |dimension: &str| {
            let texts = columns.iter().map(|&column| row.column_name(column)).chain([row.cell(0)]);
            let low: Vec<String> = texts.map(canonical_form).collect();
            let mut words = low.iter().flat_map(|text| split_words(text));
            words.any(|word| {
                quantities::find_unit(&fold(word))
                    .is_some_and(|segment| quantities::dimension(segment) == dimension)
            })
        };
        let fits = |known: Quantity| {
            known.equals(quantity)
                && (known.dimension().is_some()
                    || quantity
                        .dimension()
                        .is_none_or(|dimension| dimension == "money" || measured(dimension)))
        };
        cells.flat_map(|text| quantities::extract(text).all()).any(fits)
            || names
                .into_iter()
                .chain(label.into_iter().flatten().cloned())
                .any(|known| known.equals(quantity))
            || headings.iter().any(|known| known.equals(quantity))
    }
}
