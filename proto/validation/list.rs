//! Lists: their size, and whether their items are distinct.

use super::text::{TextRule, settle};
use super::{Check, WordRule, item};
use crate::Word;

/// What a list must satisfy beside its items.
#[derive(Debug, Clone, Copy)]
pub struct Items {
    /// It must have an item.
    pub required: bool,
    /// Fewest items.
    pub min: u32,
    /// Most items; 0 means unlimited.
    pub max: u32,
    /// Repeats are refused.
    pub unique: bool,
    /// Repeats are dropped.
    pub dedupe: bool,
}

impl Items {
    /// Any number of any items.
    pub const ANY: Self = Self {
        required: false,
        min: 0,
        max: 0,
        unique: false,
        dedupe: false,
    };
}

impl Check {
    /// Checks the size of a list; says whether its items are worth checking.
    pub fn items(&mut self, field: &str, count: usize, rule: &Items) -> bool {
        let (least, most) = (rule.min as usize, rule.max as usize);
        if count == 0 && rule.required {
            self.violate(field, "is required");
        } else if count < least {
            self.violate(field, format!("must have at least {least} items"));
        } else if most > 0 && count > most {
            // Reporting each of too many items would answer a flood with a flood.
            self.violate(field, format!("must have at most {most} items"));
            return false;
        }
        true
    }

    /// Normalises and checks a list of texts, none of which may be empty.
    pub fn texts(&mut self, field: &str, values: &mut Vec<String>, rule: &TextRule, items: &Items) {
        // Repeats show only after normalisation, and dropped ones do not count;
        // but a flood is not looked at item by item.
        let allowed = if items.dedupe {
            2 * items.max
        } else {
            items.max
        } as usize;
        if allowed > 0 && values.len() > allowed {
            self.items(field, values.len(), items);
            return;
        }
        let rule = TextRule {
            required: true,
            ..*rule
        };
        for (index, value) in values.iter_mut().enumerate() {
            if let Err(wrong) = settle(value, &rule) {
                self.violate(&item(field, index), wrong);
            }
        }
        self.distinct(field, values, items);
        self.items(field, values.len(), items);
    }

    /// Checks a list of enum values, all of which must be declared.
    pub fn words<E: Word>(
        &mut self,
        field: &str,
        values: &mut Vec<i32>,
        rule: &WordRule,
        items: &Items,
    ) {
        if self.items(field, values.len(), items) {
            let rule = WordRule {
                required: true,
                ..*rule
            };
            for (index, value) in values.iter().enumerate() {
                self.word::<E>(&item(field, index), *value, &rule);
            }
            self.distinct(field, values, items);
        }
    }

    /// Refuses or drops repeats, as the rule says.
    pub fn distinct<T: PartialEq>(&mut self, field: &str, values: &mut Vec<T>, rule: &Items) {
        if !rule.unique && !rule.dedupe {
            return;
        }
        let mut index = 1;
        while index < values.len() {
            let first = values[..index]
                .iter()
                .position(|earlier| *earlier == values[index]);
            match first {
                Some(_) if rule.dedupe => {
                    values.remove(index);
                    continue;
                }
                Some(first) => self.violate(
                    &item(field, index),
                    format!("repeats {}", item(field, first)),
                ),
                None => {}
            }
            index += 1;
        }
    }
}
