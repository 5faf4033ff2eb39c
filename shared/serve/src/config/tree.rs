//! Walking nested tables by dotted keys.

use figment::value::{Dict, Value};

/// Puts `value` at the dotted `key`, making tables on the way.
pub(super) fn insert(dict: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            dict.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let table = dict.entry(first.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if !matches!(table, Value::Dict(..)) {
                *table = Value::from(Dict::new());
            }
            if let Value::Dict(_, inner) = table {
                insert(inner, rest, value);
            }
        }
    }
}

/// The dotted keys of all values in `dict`. A table is gone into unless `is_leaf` says that it is one value.
pub(super) fn leaves(dict: &Dict, is_leaf: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    collect((dict, ""), is_leaf, &mut found);
    found
}

fn collect((dict, path): (&Dict, &str), is_leaf: &dyn Fn(&str) -> bool, found: &mut Vec<String>) {
    for (name, value) in dict {
        let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if let Value::Dict(_, inner) = value
            && !is_leaf(&key)
            && !inner.is_empty()
        {
            collect((inner, &key), is_leaf, found);
        } else {
            found.push(key);
        }
    }
}

/// Moves values from the keys of earlier versions to those that took their place, and says so. A new key that is there
/// already stays.
pub(super) fn rename(dict: &mut Dict, renamed: &[(&str, &[&str])]) -> Vec<String> {
    let mut notices = Vec::new();
    for (old, new) in renamed {
        let Some(value) = remove(dict, old) else { continue };
        for key in *new {
            if find(dict, key).is_none() {
                insert(dict, key, value.clone());
            }
        }
        notices.push(renamed_notice(old, new));
    }
    notices
}

/// What is said of a name of an earlier version.
pub(super) fn renamed_notice(old: &str, new: &[&str]) -> String {
    format!("`{old}` is now called {}; it goes on working", new.join(", "))
}

fn remove(dict: &mut Dict, key: &str) -> Option<Value> {
    match key.split_once('.') {
        None => dict.remove(key),
        Some((first, rest)) => match dict.get_mut(first) {
            Some(Value::Dict(_, inner)) => remove(inner, rest),
            _ => None,
        },
    }
}

/// The value at the dotted `key`.
pub(super) fn find<'a>(dict: &'a Dict, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        None => dict.get(key),
        Some((first, rest)) => match dict.get(first) {
            Some(Value::Dict(_, inner)) => find(inner, rest),
            _ => None,
        },
    }
}

/// Calls `edit` with each text at the dotted `key`: itself, those of a list, and those inside a list of tables.
pub(super) fn each_text(dict: &mut Dict, key: &str, edit: &mut dyn FnMut(&mut String)) {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    if let Some(value) = dict.get_mut(first) {
        each_text_in(value, rest, edit);
    }
}

fn each_text_in(value: &mut Value, rest: Option<&str>, edit: &mut dyn FnMut(&mut String)) {
    match (value, rest) {
        (Value::String(_, text), None) => edit(text),
        (Value::Array(_, values), rest) => {
            for value in values {
                each_text_in(value, rest, edit);
            }
        }
        (Value::Dict(_, inner), Some(rest)) => each_text(inner, rest, edit),
        _ => {}
    }
}
