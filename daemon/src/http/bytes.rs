//! Which bytes may stand where, as tables.

/// Whether a header value or chunk extension may have it: no control character but the tab.
pub(super) const fn is_text(byte: u8) -> bool {
    (byte >= b' ' && byte != 0x7f) || byte == b'\t'
}

/// Whether a method or header name may have it (RFC 9110, 5.6.2).
pub(super) fn is_token(byte: u8) -> bool {
    has(&TOKEN, byte)
}

/// Whether every byte of `value` may stand in a host with an optional port.
pub(super) fn is_host(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|byte| has(&HOST, *byte))
}

static TOKEN: [bool; 256] = alphanumeric_and(b"!#$%&'*+-.^_`|~");
static HOST: [bool; 256] = alphanumeric_and(b".-_~:[]");

fn has(table: &[bool; 256], byte: u8) -> bool {
    table.get(usize::from(byte)).copied().unwrap_or(false)
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const fn alphanumeric_and(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] |= byte.is_ascii_alphanumeric();
        byte += 1;
    }
    table
}
