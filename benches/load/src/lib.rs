//! Load for S3 servers, and what it costs them: signed requests made ahead of time, closed and open
//! loops, latencies without coordinated omission, CPU time of the server per request.
//!
//! `docs/performance.md` says how it is used and what it found.

pub mod budgets;
pub mod chunked;
pub mod compare;
pub mod connection;
pub mod device;
pub mod pace;
pub mod process;
pub mod report;
pub mod request;
pub mod response;
pub mod run;
pub mod sign;
pub mod simple;
pub mod suite;
pub mod worker;
