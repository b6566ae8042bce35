//! From text to tree.

use std::ops::Range;

use super::lex::{Token, lex};
use super::{Binary, Expr, ExprError, Function, NEGATE_POWER, NOT_POWER, Node, Op, Term};
use crate::most::{EXPRESSION, EXPRESSION_DEPTH};
use crate::value::Dimension;

impl Expr {
    /// Reads an expression.
    ///
    /// # Errors
    /// Everything that is wrong with it, as far as it can be told apart.
    pub fn parse(text: &str) -> Result<Self, Vec<ExprError>> {
        // Most operands are plain integers, and this runs before every container start.
        if !text.is_empty()
            && text.len() <= 18
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(amount) = text.parse()
        {
            let op = Op::Literal(Term::Number {
                amount,
                dimension: Dimension::None,
            });
            return Ok(Self {
                text: text.to_owned(),
                root: Node {
                    span: 0..text.len(),
                    op,
                },
            });
        }
        if text.len() > EXPRESSION {
            return Err(vec![ExprError::new(
                0..text.len(),
                "the expression is longer than 16 KiB",
            )]);
        }
        let tokens = lex(text)?;
        let mut parser = Parser {
            tokens,
            at: 0,
            depth: 0,
        };
        let root = parser.expression(0).and_then(|root| match parser.peek() {
            Token::End => Ok(root),
            _ => Err(parser.unexpected("an operator")),
        });
        match root {
            Ok(root) => Ok(Self {
                text: text.to_owned(),
                root,
            }),
            Err(error) => Err(vec![error]),
        }
    }
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    fn next(&mut self) -> (Token, Range<usize>) {
        let token = self.tokens[self.at].clone();
        // The last token is the end, and stays.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn unexpected(&self, wanted: &str) -> ExprError {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Word(word) => format!("`{word}`"),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::Literal(_) => "another value".to_owned(),
        };
        ExprError::new(self.span(), format!("expected {wanted}, found {found}"))
    }

    fn expression(&mut self, least: u8) -> Result<Node, ExprError> {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH {
            return Err(ExprError::new(
                self.span(),
                format!("the expression nests deeper than {EXPRESSION_DEPTH} levels"),
            ));
        }
        let mut left = self.prefix()?;
        while let Some(op) = self.binary() {
            let power = op.power();
            if power < least {
                break;
            }
            self.next();
            let right = self.expression(power + 1)?;
            let span = left.span.start..right.span.end;
            left = Node {
                span,
                op: Op::Binary(op, Box::new(left), Box::new(right)),
            };
            // Comparisons do not chain: `1 < x < 3` would compare true with 3.
            if power == Binary::Less.power()
                && let Some(next) = self.binary().filter(|next| next.power() == power)
            {
                return Err(ExprError::new(self.span(), "comparisons do not chain").help(format!(
                    "join them with `and`: a {} b and b {} c",
                    op.symbol(),
                    next.symbol()
                )));
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    fn binary(&self) -> Option<Binary> {
        Some(match self.peek() {
            Token::Word(word) if word == "or" => Binary::Or,
            Token::Word(word) if word == "and" => Binary::And,
            Token::Symbol(symbol) => match *symbol {
                "==" => Binary::Equal,
                "!=" => Binary::NotEqual,
                "<" => Binary::Less,
                "<=" => Binary::LessEqual,
                ">" => Binary::Greater,
                ">=" => Binary::GreaterEqual,
                "+" => Binary::Add,
                "-" => Binary::Subtract,
                "*" => Binary::Multiply,
                "/" => Binary::Divide,
                "%" => Binary::Modulo,
                _ => return None,
            },
            _ => return None,
        })
    }

    fn prefix(&mut self) -> Result<Node, ExprError> {
        let start = self.span().start;
        match self.peek() {
            Token::Symbol("-") => {
                self.next();
                let inner = self.expression(NEGATE_POWER)?;
                Ok(Node {
                    span: start..inner.span.end,
                    op: Op::Negate(Box::new(inner)),
                })
            }
            Token::Word(word) if word == "not" => {
                self.next();
                let inner = self.expression(NOT_POWER)?;
                Ok(Node {
                    span: start..inner.span.end,
                    op: Op::Not(Box::new(inner)),
                })
            }
            _ => self.primary(),
        }
    }

    fn primary(&mut self) -> Result<Node, ExprError> {
        let wanted = "a number, a name or a parenthesis";
        match self.peek() {
            Token::Literal(_) => {
                let (token, span) = self.next();
                match token {
                    Token::Literal(term) => Ok(Node {
                        span,
                        op: Op::Literal(term),
                    }),
                    _ => Err(self.unexpected(wanted)),
                }
            }
            Token::Symbol("(") => {
                let start = self.span().start;
                self.next();
                let inner = self.expression(0)?;
                if *self.peek() != Token::Symbol(")") {
                    return Err(self.unexpected("`)`"));
                }
                let end = self.next().1.end;
                Ok(Node {
                    span: start..end,
                    op: inner.op,
                })
            }
            Token::Word(word) if !matches!(word.as_str(), "and" | "or" | "not") => {
                let (token, span) = self.next();
                let Token::Word(name) = token else {
                    return Err(self.unexpected(wanted));
                };
                if *self.peek() == Token::Symbol("(") {
                    self.call(&name, span)
                } else {
                    Ok(Node {
                        span,
                        op: Op::Name(name),
                    })
                }
            }
            _ => Err(self.unexpected(wanted)),
        }
    }

    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Node, ExprError> {
        let Some((function, _, least, most)) = Function::ALL.iter().copied().find(|(_, known, ..)| *known == name)
        else {
            let error = ExprError::new(span, format!("there is no function `{name}`"));
            let names = Function::ALL.iter().map(|(_, name, ..)| *name);
            return Err(match crate::suggest::nearest(name, names.clone()) {
                Some(near) => error.help(format!("did you mean `{near}`?")),
                None => error.help(format!("functions: {}", names.collect::<Vec<_>>().join(", "))),
            });
        };
        self.next();
        let mut arguments = Vec::new();
        if *self.peek() != Token::Symbol(")") {
            loop {
                arguments.push(self.expression(0)?);
                if *self.peek() != Token::Symbol(",") {
                    break;
                }
                self.next();
            }
        }
        if *self.peek() != Token::Symbol(")") {
            return Err(self.unexpected("`,` or `)`"));
        }
        let span = span.start..self.next().1.end;
        if arguments.len() < least || arguments.len() > most {
            let wanted = if least == most {
                format!("{least}")
            } else {
                format!("{least} or more")
            };
            let plural = if least == 1 { "" } else { "s" };
            return Err(ExprError::new(
                span,
                format!("`{name}` takes {wanted} value{plural}, not {}", arguments.len()),
            ));
        }
        if matches!(function, Function::Version | Function::Sysctl)
            && !matches!(arguments[0].op, Op::Literal(Term::Text(_)))
        {
            return Err(ExprError::new(
                arguments[0].span.clone(),
                format!("`{name}` takes a text in quotes"),
            ));
        }
        Ok(Node {
            span,
            op: Op::Call(function, arguments),
        })
    }
}
