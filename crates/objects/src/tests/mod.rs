//! The store against real directories and real databases.

mod checking;
mod collecting;
mod house;
mod orphans;
mod parts;
mod reading;
mod store;
