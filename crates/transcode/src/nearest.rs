//! The known name nearest to a wrong one (CV-7, TR-6).

/// Returns the candidate most like `name`, or `None` without candidates.
/// Spelling distance decides, ignoring case and `_`.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let wanted = fold(name);
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = strsim::normalized_damerau_levenshtein(&wanted, &fold(candidate));
        if best.is_none_or(|(top, _)| score > top) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// `unknown <what>; the nearest known one is "…"`.
pub(crate) fn unknown<'a>(
    what: &str,
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    match nearest(name, candidates) {
        Some(known) => format!("unknown {what}; the nearest known one is \"{known}\""),
        None => format!("unknown {what}; none is accepted here"),
    }
}

// Long names are cut so that the comparison stays cheap.
fn fold(name: &str) -> String {
    name.chars()
        .filter(|letter| *letter != '_')
        .take(40)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tr_6_the_nearest_name_is_found_across_spellings() {
        let known = ["title", "content", "displayName"];
        assert_eq!(nearest("titel", known), Some("title"));
        assert_eq!(nearest("display_nam", known), Some("displayName"));
        assert_eq!(nearest("x", []), None);
    }
}
