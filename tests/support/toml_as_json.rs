//! TOML as JSON, through the parser that the library uses.

use serde_json::Value;
use toml::de::{DeTable, DeValue};

/// Reads a text.
pub fn parse(text: &str) -> Value {
    table(
        DeTable::parse(text)
            .unwrap_or_else(|error| panic!("{error}"))
            .into_inner(),
    )
}

fn table(table: DeTable<'_>) -> Value {
    table
        .into_iter()
        .map(|(key, value)| (key.into_inner().into_owned(), convert(value.into_inner())))
        .collect()
}

fn convert(value: DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => text.into_owned().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .expect("64 bits")
            .into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().expect("a float").into(),
        DeValue::Boolean(value) => value.into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Array(list) => list.into_iter().map(|item| convert(item.into_inner())).collect(),
        DeValue::Table(inner) => table(inner),
    }
}
