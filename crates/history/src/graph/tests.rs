//! The graph against plain walking, on histories made up.

mod drawn;
mod files;
mod histories;
mod paths;
mod related;
