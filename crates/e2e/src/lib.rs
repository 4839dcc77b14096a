//! The lower half of the end-to-end tests lives in tests/.
