//! JSON, as far as a policy needs it (RFC 8259, and the two escapes more that S3's page allows).
//! Strict: what is not JSON to the last byte is none.

/// How deep values may lie in each other. A policy needs three.
const DEPTH_MAX: usize = 8;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number that is not negative.
    Number(u64),
    /// Another number, `true`, `false` or `null`.
    Other,
    /// A list.
    List(Vec<Self>),
    /// An object's members in the order sent.
    Object(Vec<(String, Self)>),
}

/// Parses a whole text; `None` when it is not JSON, or nested too deep.
#[must_use]
pub fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader(text);
    let value = reader.value(0)?;
    reader.blanks();
    reader.0.is_empty().then_some(value)
}

struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn blanks(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Takes a mark, and blanks before it, if it is next.
    fn take(&mut self, mark: char) -> bool {
        self.blanks();
        match self.0.strip_prefix(mark) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.0.chars();
        let next = chars.next()?;
        self.0 = chars.as_str();
        Some(next)
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        if self.take('"') {
            return self.text().map(Value::Text);
        }
        if self.take('[') {
            return self.list(depth);
        }
        if self.take('{') {
            return self.object(depth);
        }
        for word in ["true", "false", "null"] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Some(Value::Other);
            }
        }
        self.number()
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        let mut items = Vec::new();
        if self.take(']') {
            return Some(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(']') {
                return Some(Value::List(items));
            }
            self.take(',').then_some(())?;
        }
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        let mut members = Vec::new();
        if self.take('}') {
            return Some(Value::Object(members));
        }
        loop {
            self.take('"').then_some(())?;
            let name = self.text()?;
            self.take(':').then_some(())?;
            members.push((name, self.value(depth + 1)?));
            if self.take('}') {
                return Some(Value::Object(members));
            }
            self.take(',').then_some(())?;
        }
    }

    /// A text, behind its first quote.
    fn text(&mut self) -> Option<String> {
        let mut out = String::new();
        loop {
            match self.next()? {
                '"' => return Some(out),
                '\\' => {
                    let escaped = self.escape()?;
                    out.push(escaped);
                }
                control if control < ' ' => return None,
                plain => out.push(plain),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        match self.next()? {
            // The dollar and the vertical tab are S3's own.
            same @ ('"' | '\\' | '/' | '$') => Some(same),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            'u' => {
                let first = self.unit()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.0 = self.0.strip_prefix("\\u")?;
                let second = self.unit()?.checked_sub(0xdc00).filter(|u| *u < 0x400)?;
                char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
            }
            _ => None,
        }
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let (digits, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| plain)
    }

    fn digits(&mut self) -> Option<usize> {
        let rest = self.0.trim_start_matches(|c: char| c.is_ascii_digit());
        let count = self.0.len() - rest.len();
        self.0 = rest;
        (count > 0).then_some(count)
    }

    fn number(&mut self) -> Option<Value> {
        let start = self.0;
        let negative = self.take_here('-');
        let zero = self.0.starts_with('0');
        let count = self.digits()?;
        if zero && count > 1 {
            return None;
        }
        let whole = start.get(..start.len() - self.0.len())?;
        let mut plain = !negative;
        if self.take_here('.') {
            self.digits()?;
            plain = false;
        }
        if self.take_here('e') || self.take_here('E') {
            let _ = self.take_here('+') || self.take_here('-');
            self.digits()?;
            plain = false;
        }
        let number = whole.parse().ok().filter(|_| plain);
        Some(number.map_or(Value::Other, Value::Number))
    }

    /// Takes a mark if it is the very next character.
    fn take_here(&mut self, mark: char) -> bool {
        let rest = self.0.strip_prefix(mark);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}
