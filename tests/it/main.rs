//! The tests that see Nameplate from outside.

mod check_cases;
