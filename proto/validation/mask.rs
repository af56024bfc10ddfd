//! Update masks (TR-5): which fields an update means.

use prost_types::FieldMask;

use super::Check;

/// The fields an update means, by their proto names.
#[derive(Debug)]
pub struct Mask(Vec<&'static str>);

impl Mask {
    /// Whether the update means a field.
    #[must_use]
    pub fn names(&self, field: &str) -> bool {
        self.0.contains(&field)
    }
}

impl Check {
    /// Reads a mask and brings it to one form: proto names, each once, every
    /// present field when the mask was empty. Paths that name no field are
    /// violations of `updateMask`.
    ///
    /// `fields` has the proto name, the JSON names it is read by, and whether
    /// the request has a value for it.
    pub fn mask(
        &mut self,
        mask: &mut Option<FieldMask>,
        fields: &[(&'static str, &[&'static str], bool)],
    ) -> Mask {
        let paths = mask.take().map(|mask| mask.paths).unwrap_or_default();
        let mut named = Vec::new();
        for path in &paths {
            let field = fields
                .iter()
                .find(|(name, json, _)| name == path || json.contains(&path.as_str()));
            match field {
                Some((name, ..)) if !named.contains(name) => named.push(name),
                Some(_) => {}
                None => self.violate(
                    "updateMask",
                    format!("names no field of the request: {path}"),
                ),
            }
        }
        if paths.is_empty() {
            named.extend(
                fields
                    .iter()
                    .filter(|(.., present)| *present)
                    .map(|(name, ..)| name),
            );
        }
        *mask = Some(FieldMask {
            paths: named.iter().map(|name| (*name).to_owned()).collect(),
        });
        Mask(named)
    }

    /// Reports a field that the update clears although it cannot be empty (CV-14).
    pub fn kept(&mut self, field: &str, present: bool) {
        if !present && !self.has_found(field) {
            self.violate(field, "cannot be empty");
        }
    }

    fn has_found(&self, field: &str) -> bool {
        let path = self.path_of(field);
        self.found.iter().any(|violation| violation.field == path)
    }
}
