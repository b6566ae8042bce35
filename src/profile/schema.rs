//! The JSON Schema of profiles, made from the same descriptions that the reader checks against.

use serde_json::{Map, Value, json};

use super::fields;
use crate::document::shape::{Field, SYSTEMS, Shape};
use crate::rule::{KINDS, Kind};
use crate::value::{Comparator, OperandShape, Unit};

/// The schema, as pretty-printed JSON without a final newline.
#[must_use]
pub fn schema() -> String {
    let mut definitions = Map::new();
    definitions.insert("comparators".to_owned(), comparators());
    for kind in KINDS {
        definitions.insert(format!("kind-{}", kind.name()), kind_schema(*kind));
    }
    let mut root = table(fields::PROFILE);
    let object = root.as_object_mut().expect("a table's schema is an object");
    object.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    object.insert("title".to_owned(), json!("runup profile"));
    object.insert("$defs".to_owned(), Value::Object(definitions));
    serde_json::to_string_pretty(&root).expect("a schema is JSON")
}

fn described(mut schema: Value, doc: &str) -> Value {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), json!(doc));
    }
    schema
}

fn properties(list: &[Field]) -> Map<String, Value> {
    list.iter()
        .map(|field| (field.name.to_owned(), described(shape(&field.shape), field.doc)))
        .collect()
}

fn table(list: &[Field]) -> Value {
    let required: Vec<&str> = list
        .iter()
        .filter(|field| field.required)
        .map(|field| field.name)
        .collect();
    let mut schema = json!({ "type": "object", "properties": properties(list), "additionalProperties": false });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn shape(shape_of: &Shape) -> Value {
    match shape_of {
        Shape::Text => json!({ "type": "string" }),
        Shape::Name => json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$" }),
        Shape::Bool => json!({ "type": "boolean" }),
        // Editors show TOML's own dates as strings of this form.
        Shape::Date => json!({ "type": "string", "format": "date" }),
        Shape::Expression => json!({ "type": ["integer", "string"] }),
        Shape::Condition => json!({ "type": ["string", "boolean"] }),
        Shape::Scalar => json!({ "type": ["string", "integer", "boolean"] }),
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::List(item) => json!({ "type": "array", "items": shape(item) }),
        Shape::OneOrMany(item) => json!({ "anyOf": [shape(item), { "type": "array", "items": shape(item) }] }),
        Shape::PerSystem(item) => json!({ "anyOf": [shape(item), per_system(&shape(item))] }),
        Shape::Table(list) => table(list),
        Shape::Map(list) => json!({ "type": "object", "additionalProperties": table(list) }),
        Shape::Comparators => json!({ "$ref": "#/$defs/comparators" }),
        Shape::Rule => rule(),
    }
}

fn per_system(item: &Value) -> Value {
    let properties: Map<String, Value> = SYSTEMS
        .iter()
        .map(|system| ((*system).to_owned(), item.clone()))
        .collect();
    json!({ "type": "object", "properties": properties, "additionalProperties": false, "minProperties": 1 })
}

fn rule() -> Value {
    let mut schema = table(fields::RULE);
    let kinds = KINDS.iter().map(|kind| {
        let own = json!({ "$ref": format!("#/$defs/kind-{}", kind.name()) });
        (
            kind.name().to_owned(),
            described(json!({ "anyOf": [own.clone(), per_system(&own)] }), kind.docs().summary),
        )
    });
    let kinds: Vec<(String, Value)> = kinds.collect();
    if let Some(properties) = schema["properties"].as_object_mut() {
        properties.extend(kinds);
    }
    schema
}

/// A kind's table. Nothing is required of it: a rule that changes an inherited one may name a single key.
fn kind_schema(kind: &dyn Kind) -> Value {
    let mut own = properties(kind.selectors());
    for metric in kind.metrics() {
        if metric.name.is_empty() {
            own.extend(comparator_properties());
        } else {
            let either = json!({ "anyOf": [{ "$ref": "#/$defs/comparators" }, { "type": ["string", "integer", "boolean", "array"] }] });
            own.insert(metric.name.to_owned(), described(either, metric.doc));
        }
    }
    json!({ "type": "object", "description": kind.docs().summary, "properties": own, "additionalProperties": false })
}

fn comparators() -> Value {
    json!({ "type": "object", "properties": comparator_properties(), "additionalProperties": false })
}

fn comparator_properties() -> Map<String, Value> {
    let mut all = Map::new();
    for comparator in Comparator::all() {
        let operand = match comparator.operand_shape() {
            OperandShape::Same => json!({ "type": ["string", "integer", "boolean", "array"] }),
            OperandShape::Many => json!({ "type": "array", "items": { "type": ["string", "integer"] }, "minItems": 1 }),
            OperandShape::Range => json!({ "type": ["string", "array"] }),
            OperandShape::Number => json!({ "type": ["integer", "string"] }),
            OperandShape::Parity => json!({ "enum": ["same", "different"] }),
            OperandShape::Ports | OperandShape::TextList => json!({ "type": ["string", "integer", "array"] }),
            OperandShape::Text => json!({ "type": "string" }),
        };
        all.insert(comparator.name().to_owned(), described(operand, comparator.doc()));
    }
    for field in fields::MODIFIERS {
        let of = match field.name {
            "unit" => {
                json!({ "enum": Unit::all().map(Unit::name).filter(|name| !name.is_empty()).collect::<Vec<_>>() })
            }
            _ => shape(&field.shape),
        };
        all.insert(field.name.to_owned(), described(of, field.doc));
    }
    all
}
