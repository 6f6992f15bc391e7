//! The object model of Muse histories.
