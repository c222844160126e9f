//! The JSON Schemas of all messages, each definition once.

use serde_json::{Map, Value, json};

const OWN: &str = "#/$defs/";
const SHARED: &str = "#/components/schemas/";

/// Schemas by name.
#[derive(Debug, Default)]
pub(super) struct Schemas(Map<String, Value>);

impl Schemas {
    /// Takes a schema, and what it defines by the way; returns a reference to it. A name is a
    /// type's: two of one name are one type.
    pub fn add(&mut self, name: &str, schema: schemars::Schema) -> Value {
        let mut schema = schema.to_value();
        let fields = schema.as_object_mut();
        let definitions = fields.and_then(|fields| {
            fields.remove("$schema");
            fields.remove("$defs")
        });
        if let Some(Value::Object(definitions)) = definitions {
            for (name, mut definition) in definitions {
                share(&mut definition);
                let before = self.0.insert(name, definition.clone());
                debug_assert!(
                    before.is_none_or(|before| before == definition),
                    "two types of one name"
                );
            }
        }
        share(&mut schema);
        self.0.insert(name.to_owned(), schema);
        json!({ "$ref": format!("{SHARED}{name}") })
    }

    pub fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Lets references lead to where the definitions are now.
fn share(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && let Some(name) = reference.strip_prefix(OWN)
            {
                *reference = format!("{SHARED}{name}");
            }
            fields.values_mut().for_each(share);
        }
        Value::Array(items) => items.iter_mut().for_each(share),
        _ => {}
    }
}
