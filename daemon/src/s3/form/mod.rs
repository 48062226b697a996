//! Uploads by an HTML form (S3's "POST Object"): the form's fields, what they mean, and the policy
//! that limits what a signed form may do. No I/O: [`Parser`] is shown the bytes before the file's
//! content, [`Delimiter`] finds where the content ends, and what lies behind is ignored.

mod accept;
mod delimiter;
mod fields;
mod json;
mod parameters;
mod parser;
mod policy;
mod success;

pub use accept::{Accepted, Sizes, accept, check_head};
pub use delimiter::{Delimiter, Sought};
pub use fields::Form;
pub use parser::Parser;
pub use policy::Policy;
pub use success::Success;

// For the fuzz targets.
#[doc(hidden)]
pub use json::{Value, parse as parse_json};

#[cfg(test)]
#[path = "parser_tests.rs"]
mod parser_tests;
#[cfg(test)]
#[path = "policy_tests.rs"]
mod policy_tests;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
