//! Lists come in pages, and a page knows how to go on: by an opaque cursor, never by an offset.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

/// Items on a page that nobody asked to be longer or shorter.
pub const DEFAULT_LIMIT: u32 = 20;
/// Items on the longest page.
pub const MAX_LIMIT: u32 = 100;

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// Where the next page starts; null on the last one.
    pub next_cursor: Option<String>,
}

/// The place in a list behind which the next page starts: the sort key of its last item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor<K>(pub K);

/// A cursor that was not made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor that was given out")]
pub struct BadCursor;

impl<K: Serialize + DeserializeOwned> Cursor<K> {
    /// As clients see it.
    pub fn to_text(&self) -> String {
        // Keys are plain data that always can be written.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&self.0).unwrap_or_default())
    }

    /// As a client gave it back.
    ///
    /// # Errors
    /// [`BadCursor`] if it was not made by [`to_text`](Self::to_text).
    pub fn from_text(text: &str) -> Result<Self, BadCursor> {
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| BadCursor)?;
        serde_json::from_slice(&json).map(Self).map_err(|_| BadCursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_went_out() {
        let cursor = Cursor(("Anna".to_owned(), 7));
        assert_eq!(Cursor::from_text(&cursor.to_text()), Ok(cursor));
        assert_eq!(Cursor::<(String, u32)>::from_text("%%%"), Err(BadCursor));
        assert_eq!(Cursor::<(String, u32)>::from_text("e30"), Err(BadCursor));
    }
}
