//! Which name somebody meant.

/// The one of `names` that is most like `wanted`: alike as a whole, or in its last part.
pub fn nearest<'a>(wanted: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    const ALIKE: f64 = 0.6;
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let likeness = |name: &str| {
        let whole = strsim::normalized_damerau_levenshtein(wanted, name);
        let part = strsim::normalized_damerau_levenshtein(&last(wanted), &last(name));
        // Alike as a whole wins over alike in the last part alone.
        whole.max(part * 0.95)
    };
    names
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name.to_owned())
}
