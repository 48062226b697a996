//! What the suite measures.

use crate::request::{Naming, Op, Plan};

/// Which way a request takes to its bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A bucket in `/s3v`.
    Direct,
    /// A link in `/s3v` to a bucket in `/vol1`.
    Link,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation.
    pub op: Op,
    /// Bytes of an object.
    pub size: usize,
    /// Through a link or not.
    pub target: Target,
    /// How many clients.
    pub connections: usize,
    /// How many keys.
    pub keys: usize,
    /// Whether the signature covers the body.
    pub sign_payload: bool,
    /// Server CPU time in microseconds that the design allows.
    pub budget_us: Option<f64>,
}

const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;

/// The bucket whose objects have this size.
#[must_use]
pub fn direct_bucket(size: usize) -> String {
    format!("direct-{}", short(size))
}

const fn short(size: usize) -> &'static str {
    if size == MIB { "1m" } else { "4k" }
}

/// Every row, direct ones before those through a link.
#[must_use]
pub fn all(keys: usize, has_link: bool) -> Vec<Row> {
    let large_keys = (keys / 50).max(1);
    let row = |op, size, connections, budget_us| Row {
        op,
        size,
        target: Target::Direct,
        connections,
        keys: if size == MIB { large_keys } else { keys },
        sign_payload: false,
        budget_us,
    };
    let direct = [
        row(Op::Get, 4 * KIB, 32, Some(8.0)),
        row(Op::Put, 4 * KIB, 64, Some(15.0)),
        row(Op::Get, MIB, 32, Some(250.0)),
        row(Op::Put, MIB, 16, Some(500.0)),
        Row {
            sign_payload: true,
            ..row(Op::Put, MIB, 16, None)
        },
        row(Op::Head, 4 * KIB, 32, None),
        row(Op::Head, MIB, 32, None),
        row(Op::List, 4 * KIB, 32, None),
        row(Op::List, MIB, 32, None),
    ];
    let linked = |row: Row| Row {
        target: Target::Link,
        ..row
    };
    let mut rows = Vec::new();
    for row in direct {
        rows.push(row);
        if has_link && !row.sign_payload {
            rows.push(linked(row));
        }
    }
    rows
}

impl Row {
    /// For the table.
    #[must_use]
    pub fn name(&self) -> String {
        let size = if self.size == MIB { "1 MiB" } else { "4 KiB" };
        let signed = if self.sign_payload { " sha256" } else { "" };
        let target = match self.target {
            Target::Direct => "direct",
            Target::Link => "link",
        };
        format!("{} {size}{signed} {target}", self.op.name())
    }

    /// The bucket's name in S3. Objects of each size have their own.
    #[must_use]
    pub fn bucket(&self) -> String {
        match self.target {
            Target::Direct => direct_bucket(self.size),
            Target::Link => format!("link-{}", short(self.size)),
        }
    }

    /// Writes so much that the device's room counts.
    #[must_use]
    pub fn is_heavy_write(&self) -> bool {
        self.op == Op::Put && self.size == MIB
    }

    /// The requests of the row, for any operation on its keys.
    #[must_use]
    pub fn plan(&self, op: Op, host: String) -> Plan {
        Plan {
            op,
            host,
            bucket: self.bucket(),
            keys: self.keys,
            naming: Naming::bench(),
            size: self.size,
            page: 100,
            sign_payload: self.sign_payload,
        }
    }
}
