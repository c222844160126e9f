//! The schemas.
