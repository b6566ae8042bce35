//! Flow collections and quoted scalars, which is all that JSON has.

use super::{Data, Mistake, Node, refuse};
use crate::most::YAML_DEPTH;

/// A value in brackets, braces or quotes, over any number of lines.
pub(super) struct Flow<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) line: u32,
}

impl Flow<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.line += u32::from(c == '\n');
        Some(c)
    }

    fn space(&mut self) {
        while let Some(c) = self.peek() {
            let comment = c == '#' && self.text[..self.at].ends_with(char::is_whitespace);
            if comment {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.next();
                }
            } else if c.is_whitespace() {
                self.next();
            } else {
                return;
            }
        }
    }

    pub(super) fn value(&mut self, depth: usize) -> Result<Node, Mistake> {
        if depth > YAML_DEPTH {
            return Err(Mistake::new(
                self.line,
                format!("more than {YAML_DEPTH} values in one another"),
            ));
        }
        let line = self.line;
        let data = match self.peek() {
            Some('{') => self.braces(depth)?,
            Some('[') => {
                self.next();
                let mut items = Vec::new();
                while !self.ends(']')? {
                    items.push(self.value(depth + 1)?);
                    self.separator(']')?;
                }
                Data::List(items)
            }
            Some('"' | '\'') => Data::Scalar(self.quoted()?),
            Some(_) => Data::Scalar(self.plain()?),
            None => return Err(Mistake::new(line, "a value is missing")),
        };
        Ok(Node { line, data })
    }

    fn braces(&mut self, depth: usize) -> Result<Data, Mistake> {
        refuse(&self.text[self.at..], self.line)?;
        self.next();
        let mut entries: Vec<(String, Node)> = Vec::new();
        while !self.ends('}')? {
            let line = self.line;
            let key = match self.peek() {
                Some('"' | '\'') => self.quoted()?,
                _ => self.plain()?,
            };
            self.space();
            if self.peek() != Some(':') {
                return Err(Mistake::new(line, format!("the key `{key}` has no value")));
            }
            self.next();
            self.space();
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(Mistake::new(line, format!("the key `{key}` is there twice")));
            }
            entries.push((key, self.value(depth + 1)?));
            self.separator('}')?;
        }
        Ok(Data::Map(entries))
    }

    /// Moves past white space, and past the end if it is there.
    fn ends(&mut self, end: char) -> Result<bool, Mistake> {
        self.space();
        match self.peek() {
            Some(c) if c == end => {
                self.next();
                Ok(true)
            }
            Some(_) => Ok(false),
            None => Err(Mistake::new(self.line, format!("the closing `{end}` is missing"))),
        }
    }

    fn separator(&mut self, end: char) -> Result<(), Mistake> {
        self.space();
        match self.peek() {
            Some(',') => {
                self.next();
                Ok(())
            }
            Some(c) if c == end => Ok(()),
            _ => Err(Mistake::new(self.line, format!("a comma or `{end}` is missing"))),
        }
    }

    fn plain(&mut self) -> Result<String, Mistake> {
        refuse(&self.text[self.at..], self.line)?;
        let start = self.at;
        while let Some(c) = self.peek() {
            let rest = &self.text[self.at + c.len_utf8()..];
            let colon = c == ':' && rest.starts_with(|c: char| c.is_whitespace() || matches!(c, ',' | '}' | ']'));
            if matches!(c, ',' | '}' | ']' | '{' | '[' | '\n') || colon {
                break;
            }
            self.next();
        }
        let text = self.text[start..self.at].trim();
        if text.is_empty() {
            return Err(Mistake::new(self.line, "a value is missing"));
        }
        Ok(text.to_owned())
    }

    pub(super) fn quoted(&mut self) -> Result<String, Mistake> {
        let line = self.line;
        let quote = self.next();
        let mut out = String::new();
        loop {
            match self.next() {
                None => return Err(Mistake::new(line, "the closing quote is missing")),
                Some('\\') if quote == Some('"') => out.push(self.escape()?),
                Some('\'') if quote == Some('\'') && self.peek() == Some('\'') => {
                    self.next();
                    out.push('\'');
                }
                Some(c) if Some(c) == quote => return Ok(out),
                Some(c) => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Mistake> {
        let line = self.line;
        let wrong = |what: &str| Mistake::new(line, format!("`\\{what}` is no escape"));
        let c = self.next().ok_or_else(|| wrong(""))?;
        let digits = match c {
            'n' => return Ok('\n'),
            't' => return Ok('\t'),
            'r' => return Ok('\r'),
            'b' => return Ok('\u{8}'),
            'f' => return Ok('\u{c}'),
            '0' => return Ok('\0'),
            '"' | '\\' | '/' | ' ' => return Ok(c),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            other => return Err(wrong(&other.to_string())),
        };
        let code: String = (0..digits).filter_map(|_| self.next()).collect();
        let unit = u32::from_str_radix(&code, 16).map_err(|_| wrong(&code))?;
        // JSON writes what lies beyond 16 bits as two halves.
        if (0xd800..0xdc00).contains(&unit) {
            let pair: String = (0..6).filter_map(|_| self.next()).collect();
            let low = pair
                .strip_prefix("\\u")
                .and_then(|low| u32::from_str_radix(low, 16).ok());
            return low
                .filter(|low| (0xdc00..0xe000).contains(low))
                .and_then(|low| char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00)))
                .ok_or_else(|| wrong(&code));
        }
        char::from_u32(unit).ok_or_else(|| wrong(&code))
    }
}
