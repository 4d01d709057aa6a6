//! The levels of headings, which are lower in the panels of tabs.

use hoidap_shared::text::normalise;

use crate::document::BlockKind;

/// The level of the last heading, and the panels around the current position.
#[derive(Debug, Default)]
pub(super) struct TabPanels {
    level: u8,
    open: Vec<TabPanel>,
}

#[derive(Debug)]
struct TabPanel {
    /// The tab's name, until the panel's first text.
    name: Option<String>,
    /// The level of the heading above the tabs, and by how much the panel's own headings are lower than they say.
    outer_level: u8,
    shift: Option<u8>,
}

impl TabPanels {
    /// Begins a panel, with the name of its tab unless that is written already.
    pub(super) fn begin(&mut self, name: Option<String>) {
        self.open.push(TabPanel { name, outer_level: self.level, shift: None });
    }

    /// Ends the innermost panel. The next one is of the same level.
    pub(super) fn end(&mut self) {
        if let Some(panel) = self.open.pop() {
            self.level = panel.outer_level;
        }
    }

    /// The headings before a text: the names of the tabs whose panels begin with it, unless it is a heading with that name.
    pub(super) fn names_before(&mut self, kind: BlockKind, text: &str) -> Vec<(u8, String)> {
        let mut names = Vec::new();
        for panel in &mut self.open {
            let Some(name) = panel.name.take() else { continue };
            let level = (self.level + 1).clamp(2, 6);
            match kind {
                BlockKind::Heading(own) if normalise(text) == name => {
                    panel.shift = Some(level.saturating_sub(own));
                }
                _ => {
                    self.level = level;
                    names.push((level, name));
                }
            }
        }
        names
    }

    /// The level of a heading: below that of the tab whose panel it is in.
    pub(super) fn heading_level(&mut self, own: u8) -> u8 {
        let below = (self.level + 1).saturating_sub(own);
        let shift = self.open.last_mut().map_or(0, |panel| *panel.shift.get_or_insert(below));
        self.level = (own + shift).min(6);
        self.level
    }
}
