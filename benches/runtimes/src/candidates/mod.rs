//! The candidates.

mod on_compio;
mod on_glommio;
mod on_hyper;
mod on_monoio;
mod on_monoio_http;
mod on_tokio;
mod on_tokio_uring;
mod raw;

use clap::ValueEnum;
use std::io;
use std::path::Path;

/// A runtime, and how it is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Candidate {
    Compio,
    CompioDefault,
    Monoio,
    MonoioHttp,
    Glommio,
    TokioUring,
    TokioUringFlags,
    Tokio,
    Hyper,
    Raw,
}

/// All of them.
pub const ALL: &[Candidate] = &[
    Candidate::Compio,
    Candidate::CompioDefault,
    Candidate::Monoio,
    Candidate::MonoioHttp,
    Candidate::Glommio,
    Candidate::TokioUring,
    Candidate::TokioUringFlags,
    Candidate::Tokio,
    Candidate::Hyper,
    Candidate::Raw,
];

impl Candidate {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compio => "compio",
            Self::CompioDefault => "compio-default",
            Self::Monoio => "monoio",
            Self::MonoioHttp => "monoio-http",
            Self::Glommio => "glommio",
            Self::TokioUring => "tokio-uring",
            Self::TokioUringFlags => "tokio-uring-flags",
            Self::Tokio => "tokio",
            Self::Hyper => "hyper",
            Self::Raw => "raw",
        }
    }

    /// What it is, for the table.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Compio => "compio 0.19, both flags",
            Self::CompioDefault => "compio 0.19, its default flags",
            Self::Monoio => "monoio 0.2, both flags",
            Self::MonoioHttp => "monoio 0.2 with monoio-http, both flags",
            Self::Glommio => "glommio 0.9, which takes no flags",
            Self::TokioUring => "tokio-uring 0.5, its default flags",
            Self::TokioUringFlags => "tokio-uring 0.5, both flags",
            Self::Tokio => "tokio 1 (epoll), files in its thread pool",
            Self::Hyper => "tokio 1 (epoll) with hyper",
            Self::Raw => "io-uring by hand, both flags",
        }
    }

    /// Whether it takes part in the PUTs: those that bring an HTTP of their own are here for that.
    pub const fn writes(self) -> bool {
        !matches!(self, Self::MonoioHttp | Self::Hyper)
    }

    /// Serves until the process is killed. Says its port on standard output.
    pub fn serve(self, file: &Path) -> io::Result<()> {
        match self {
            Self::Compio => on_compio::serve(file, true),
            Self::CompioDefault => on_compio::serve(file, false),
            Self::Monoio => on_monoio::serve(file),
            Self::MonoioHttp => on_monoio_http::serve(),
            Self::Glommio => on_glommio::serve(file),
            Self::TokioUring => on_tokio_uring::serve(file, false),
            Self::TokioUringFlags => on_tokio_uring::serve(file, true),
            Self::Tokio => on_tokio::serve(file),
            Self::Hyper => on_hyper::serve(),
            Self::Raw => raw::serve(file),
        }
    }
}
